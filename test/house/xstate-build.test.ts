/**
 * Pins: the tests run against the build of XState that Node's conditions ask for, and the two builds differ where it
 * matters here: a child spawned by reference persists silently in the default build and throws in the development one.
 * Without this file the second test run could quietly be a repetition of the first.
 */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { createActor, createMachine, spawnChild } from 'xstate';
import { createTestModel } from 'xstate/graph';

const asked = /--conditions[= ]development/.test(process.env.NODE_OPTIONS ?? '') ? 'development' : 'default';

/** The build of an XState module, derived from its behaviour. */
function loadedBuild(): 'default' | 'development' {
  const parent = createMachine({ entry: spawnChild(createMachine({}), { id: 'by-reference' }) });
  const actor = createActor(parent).start();
  try {
    actor.getPersistedSnapshot();
    return 'default';
  } catch (error) {
    if (!/inline child/i.test(String(error))) throw error;
    return 'development';
  }
}

test(`xstate is its ${asked} build`, () => {
  expect(loadedBuild()).toBe(asked);
});

test('xstate/graph works with the machines of that build', () => {
  const model = createTestModel(createMachine({ initial: 'a', states: { a: { on: { go: 'b' } }, b: {} } }));
  expect(model.getShortestPaths().length).toBeGreaterThan(0);
});

test('a process started by a test loads the same build', () => {
  const child = spawnSync(process.execPath, ['-p', 'require.resolve("xstate")'], { encoding: 'utf8' });
  expect(child.stdout.includes('.development.')).toBe(asked === 'development');
});
