/**
 * Paths that `xstate/graph` generates from the executor machine, walked by real executors.
 *
 * Pinned: I1 and I2: every state is reached, every command is tried in every state, and the executor goes where the machine
 * goes; I7: from wherever a process is killed, another one makes the output of an uninterrupted run. Stages, sources and
 * sinks of several kinds; and a pipeline that breaks its promise is found.
 */
import { describe, expect, test } from 'vitest';
import { collect, defineStage, filter, flatMap, map, type Pipeline, pipeline, rows } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { modelPaths, type TestExecutorOptions, TestingError } from 'xstate-pipeline/testing';
import { EXECUTOR_STATES } from '../../machines/index.js';
import { COMMANDS } from '../../src/executor/commands.js';
import { commandPaths, legalIn } from '../../src/testing/model/command-paths.js';

interface Row {
  readonly n: number;
}

const numbers = (count: number): Row[] => Array.from({ length: count }, (_, n) => ({ n }));
const files = {
  'in.jsonl': numbers(9)
    .map((row) => `${JSON.stringify(row)}\n`)
    .join(''),
};
const double = map('double', ({ n }: Row) => ({ n: n * 2 }));
const paid = defineStage({
  name: 'paid',
  durable: true,
  concurrency: 2,
  retry: { attempts: 2 },
  process: async (rows: Row[]) => rows,
});
const kinds: Readonly<Record<string, readonly [Pipeline<unknown>, TestExecutorOptions]>> = {
  'files, a durable stage with retries': [
    pipeline('files').from(jsonl<Row>('in.jsonl')).pipe(paid).pipe(double).to(jsonl('out.jsonl')),
    { files },
  ],
  'memory, synchronous stages that share a pass': [
    pipeline('memory')
      .from(rows(numbers(8)))
      .pipe(double)
      .pipe(filter('even', ({ n }: Row) => n % 4 === 0))
      .pipe(flatMap('twice', (row: Row) => [row, row]))
      .to(collect()),
    {},
  ],
  'a stage that cannot fail a run': [
    pipeline('skips')
      .from(rows(numbers(4)))
      .pipe(
        map(
          'odd',
          ({ n }: Row) => {
            if (n === 1) throw new Error('one');
            return { n };
          },
          { onError: 'skip' },
        ),
      )
      .to(jsonl('out.jsonl')),
    {},
  ],
};

test('the paths reach every state, and try every legal command in each', () => {
  const all = commandPaths();
  const taken = new Set<string>();
  for (const path of all) {
    let state: (typeof EXECUTOR_STATES)[number] = 'IDLE';
    for (const step of path) {
      if (step.command !== undefined) taken.add(`${state} ${step.command}`);
      else state = step.state;
    }
    // At the end of each path, every illegal command is tried.
    for (const command of COMMANDS) if (!legalIn(state).includes(command)) taken.add(`${state} ${command}`);
  }
  expect([...taken].sort()).toEqual(
    EXECUTOR_STATES.flatMap((state) => COMMANDS.map((command) => `${state} ${command}`)).sort(),
  );
  expect(all.length).toBeGreaterThan(20);
});

describe.each(Object.entries(kinds))('%s', (_, [whole, options]) => {
  for (const path of modelPaths(whole, options)) test(path.name, () => path.run());
});

test('rows that change from call to call are found', async () => {
  let calls = 0;
  const unsteady = map('unsteady', ({ n }: Row) => ({ n, call: ++calls }));
  const whole = pipeline('unsteady').from(jsonl<Row>('in.jsonl')).pipe(unsteady).to(jsonl('out.jsonl'));
  const outcomes = await Promise.allSettled(modelPaths(whole, { files }).map((path) => path.run()));
  const [first] = outcomes;
  expect(first?.status === 'rejected' && String(first.reason)).toContain('not that of an uninterrupted run');
});

test('too little input is said', async () => {
  const whole = pipeline('short')
    .from(rows(numbers(3)))
    .pipe(double)
    .to(collect());
  await expect(modelPaths(whole)[0]?.run()).rejects.toThrow(TestingError);
});
