/** Unit tests: exit codes, ages, printed commands, the diagram, the order of events, stop requests. */
import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createExecutorMachine, EXECUTOR_STATES, stageMachine } from '../../machines/index.js';
import { exitCodeOf, isForeseen } from '../../src/cli/exit-codes.js';
import { ago, parseAge } from '../../src/cli/output/durations.js';
import { startedFirst } from '../../src/cli/output/json-events.js';
import { mermaid } from '../../src/cli/output/mermaid.js';
import { tableLines } from '../../src/cli/output/table.js';
import { Terminal } from '../../src/cli/output/terminal.js';
import type { PipelineEvent } from '../../src/observers/events.js';
import { programName, quoted } from '../../src/sessions/invocation.js';

describe('exit codes', () => {
  test('every error of the product has one', () => {
    const source = readFileSync(new URL('../../src/errors.ts', import.meta.url), 'utf8');
    const codes = [...source.matchAll(/readonly code = '(\w+)'/g)].map(([, code]) => code);
    expect(codes.length).toBeGreaterThan(15);
    for (const code of codes) expect(isForeseen(Object.assign(new Error(), { code })), code).toBe(true);
  });

  test.each([
    ['PIPELINE_FILE', 2],
    ['INVALID_OPTION', 2],
    ['PIPELINE_MISMATCH', 3],
    ['CHECKPOINT_NOT_FOUND', 4],
    ['SESSION_LOCKED', 5],
    ['CORRUPT_CHECKPOINT', 6],
    ['STAGE_FAILED', 1],
    ['anything else', 1],
  ])('%s: %i', (code, exit) => {
    expect(exitCodeOf(Object.assign(new Error(), { code }))).toBe(exit);
  });
});

describe('ages', () => {
  test.each([
    ['7d', 604_800_000],
    ['12h', 43_200_000],
    ['30m', 1_800_000],
    ['1.5h', 5_400_000],
    ['0d', 0],
  ])('%s', (text, ms) => expect(parseAge(text)).toBe(ms));
  test.each(['', '7', 'd', '-1d', '7 days', '1e3d', 'Infinityd'])('%j is not an age', (text) => {
    expect(() => parseAge(text)).toThrow(/7d, 12h/);
  });
  test('a clock that stepped back gives no negative age', () => expect(ago(2_000, 1_000)).toBe('just now'));
});

describe('printed commands', () => {
  test.each([
    ['on the PATH', '/usr/bin/xstate-pipeline', { PATH: '/bin:/usr/bin' }, 'xstate-pipeline'],
    [
      'through npx',
      '/p/node_modules/.bin/xstate-pipeline',
      { PATH: '/bin:/p/node_modules/.bin', npm_command: 'exec' },
      'npx xstate-pipeline',
    ],
    ['by its path', '/p/node_modules/.bin/xstate-pipeline', { PATH: '/bin' }, 'npx xstate-pipeline'],
    ['as a file for Node', '/p/my dist/main.js', {}, "node 'my dist/main.js'"],
  ])('%s', (_, script, env, name) => expect(programName(script, env, '/p')).toBe(name));
  test('quoting', () => {
    expect(quoted('a/b-c.ts')).toBe('a/b-c.ts');
    expect(quoted("it's $HOME")).toBe("'it'\\''s $HOME'");
  });
});

describe('the diagram is the machine', () => {
  test('of the executor: all states and all transitions, and no others', () => {
    const { root } = createExecutorMachine([]);
    const drawn = mermaid(root);
    const arrows = [...drawn.matchAll(/^ {2}(\w+) --> (\w+) : /gm)].map(([, from, to]) => `${from} ${to}`);
    const own = Object.values(root.states).flatMap((state) =>
      [...(state.always ?? []), ...[...state.transitions.values()].flat()].flatMap(({ target }) =>
        (target ?? []).map((to) => `${state.key} ${to.key}`),
      ),
    );
    expect(new Set(arrows)).toEqual(new Set(own));
    expect(arrows).toHaveLength(new Set(own).size);
    for (const state of EXECUTOR_STATES) expect(drawn).toContain(state);
    expect(drawn).toMatch(/^stateDiagram-v2\n/);
    expect(drawn).toContain('  [*] --> IDLE\n');
    expect(drawn).toContain('  FAILED --> INITIALIZING : execute, resume\n');
    expect(drawn).toContain('  COMPLETED --> [*]\n');
  });

  test('of a stage: a transition of the root is drawn from each state', () => {
    const drawn = mermaid(stageMachine.root);
    for (const state of ['idle', 'running', 'backingOff', 'failed'])
      expect(drawn).toContain(`${state} --> stopped : abort`);
    expect(drawn).not.toContain('stopped --> stopped');
    expect(drawn).toContain('backingOff --> running : process, retry.due');
  });
});

describe('events of --json', () => {
  const event = (type: string) => ({ type, sessionId: 's', at: 0 }) as unknown as PipelineEvent;
  const written = (types: readonly string[], release: boolean) => {
    const lines: string[] = [];
    const observer = startedFirst({ write: (line) => lines.push(line) });
    for (const type of types) observer.next(event(type));
    if (release) observer.release();
    return lines.map((line) => JSON.parse(line).type);
  };
  test('earlier events follow pipeline.started', () => {
    const types = ['checkpoint.saved', 'notice', 'pipeline.started', 'batch.started'];
    expect(written(types, false)).toEqual([
      'pipeline.started',
      'checkpoint.saved',
      'notice',
      'batch.started',
    ]);
  });
  test('a session that never starts loses no event', () => {
    expect(written(['notice', 'pipeline.failed'], true)).toEqual(['notice', 'pipeline.failed']);
  });
});

test('a table aligns wide characters', () => {
  expect(
    tableLines(
      [
        ['名前', '1'],
        ['a', '100'],
      ],
      [1],
    ),
  ).toEqual(['名前    1', 'a     100']);
});

describe('the terminal', () => {
  const screen = () => Object.assign(new PassThrough(), { isTTY: true }) as unknown as NodeJS.WriteStream;

  test('prints lines when it cannot repaint', () => {
    expect(new Terminal(screen(), screen(), { TERM: 'xterm' }).progressStream.isTTY).toBe(true);
    const stderr = screen();
    const { progressStream } = new Terminal(screen(), stderr, { TERM: 'dumb' });
    expect(progressStream.isTTY).toBeUndefined();
    progressStream.write('a line\n');
    expect(String(stderr.read())).toBe('a line\n');
  });
});
