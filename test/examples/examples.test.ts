/** Pins: every example runs with the command of its README and gives the output that the README promises. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { JITI, VITEST, type Workspace, workspace, XSTATE_PIPELINE } from './workspace.js';

let place: Workspace;
beforeAll(() => {
  place = workspace();
});
afterAll(() => place.remove());

const TIMEOUT = { timeout: 60_000 };

test('01 quick start: ten lines, four tidy reviews', TIMEOUT, async () => {
  const run = await place.node([XSTATE_PIPELINE, 'run', 'examples/01-quick-start/pipeline.ts']);
  expect(run.code, run.stderr).toBe(0);
  expect(place.rows('out/quick-start/reviews.jsonl')).toEqual([
    { id: 1, stars: 5, text: 'Does what it says.' },
    { id: 3, stars: 2, text: 'Too slow, “naïve” at best' },
    { id: 4, stars: 4, text: 'Zuverlässig 👍' },
    { id: 5, stars: 3, text: 'fine' },
  ]);
  const lines = place.text('examples/01-quick-start/pipeline.ts').trimEnd().split('\n');
  expect(lines.length, 'the README calls it ten lines').toBeLessThanOrEqual(10);
});

test('03 pause and resume: a receipt in one process, the rest in another', TIMEOUT, async () => {
  const first = await place.node([JITI, 'examples/03-pause-and-resume/first.ts']);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  const receipt = JSON.parse(first.stdout.replace('paused ', ''));
  expect(receipt.batches).toBeGreaterThanOrEqual(20);
  expect(receipt).toMatchObject({ rowsIn: receipt.batches * 500, rowsOut: receipt.batches * 500 });
  const part = readFileSync(place.path('out/pause/zip-codes.jsonl.part'));
  expect(part.length, 'the receipt equals the file on disk').toBe(receipt.sinkPosition.bytes);

  const second = await place.node([JITI, 'examples/03-pause-and-resume/second.ts']);
  expect(second).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(second.stdout.replace('completed ', ''))).toEqual({
    sessionId: receipt.sessionId,
    firstBatch: receipt.batches,
    rowsIn: 42_049,
    rowsOut: 42_049,
  });
  const [, ...records] = readFileSync(place.path('node_modules/vega-datasets/data/zipcodes.csv'), 'utf8')
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.split(','));
  expect(place.text('out/pause/zip-codes.jsonl')).toBe(
    records
      .map(([zip, , , city, state]) => `${JSON.stringify({ zip, place: `${city}, ${state}` })}\n`)
      .join(''),
  );
});

test(
  '04 embedding: the parent pauses its child, gets its failure, resumes it and gets its result',
  TIMEOUT,
  async () => {
    const { code, stdout, stderr } = await place.node([JITI, 'examples/04-embed-in-a-machine/main.ts']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toEqual([
      'paused: the pipeline is PAUSED, every batch it began is in sink and checkpoint',
      'stuck: the pipeline is FAILED: the bank is closed',
      expect.stringMatching(/^booked: 5000 orders of session [0-9a-f-]{36}$/),
    ]);
    const booked = place.rows<{ id: number; cents: number }>('out/embedded/booked.jsonl');
    expect(booked.map(({ id }) => id)).toEqual(Array.from({ length: 5_000 }, (_, id) => id));
    expect(booked.every(({ id, cents }) => cents === ((id * 37) % 500) * 100)).toBe(true);
  },
);

test('05 replaying a snapshot: its three tests pass', TIMEOUT, async () => {
  const run = await place.node([VITEST, 'run', '--root', 'examples/05-replay-a-snapshot']);
  expect(run.stdout + run.stderr).toMatch(/Tests +3 passed/);
  expect(run.code).toBe(0);
});

describe('06 testing a pipeline', () => {
  const folder = 'examples/06-test-your-pipeline';
  const SLOW = { timeout: 180_000 };

  test('its vitest suite passes', SLOW, async () => {
    const run = await place.node([VITEST, 'run', '--root', folder]);
    expect(run.stdout + run.stderr).toMatch(/Tests +\d\d passed/);
    expect(run.code).toBe(0);
  });

  test('its node:test suite passes', SLOW, async () => {
    const args = ['--import', 'jiti/register', '--test', '--test-reporter=tap'];
    const run = await place.node([...args, `${folder}/pipeline.node-test.ts`]);
    expect(run.stdout + run.stderr).toMatch(/# pass \d\d\n# fail 0/);
    expect(run.code).toBe(0);
  });

  test('each is short enough to be copied', () => {
    for (const name of ['pipeline.test.ts', 'pipeline.node-test.ts', 'pipeline.ts'])
      expect(place.text(`${folder}/${name}`).split('\n').length, name).toBeLessThanOrEqual(60);
  });
});
