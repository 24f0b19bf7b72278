/**
 * `fold` and `distinct` in the testing kit, in forks and in redriven sessions.
 *
 * Pinned: a fork begins with the state at its batch, and has results of its own; `crashEverywhere` runs over keyed stages.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defineStage, distinct, fold, map, pipeline, StateManager } from 'xstate-pipeline';
import { jsonl, lowdbStorage, redriveSession } from 'xstate-pipeline/node';
import { crashEverywhere, rerun } from 'xstate-pipeline/testing';
import { freshFolder } from '../../support/folders.js';

interface Row {
  readonly n: number;
}

const INPUT = Array.from({ length: 60 }, (_, n) => `${JSON.stringify({ n })}\n`).join('');

function counted(at: (name: string) => string, version = '1') {
  return pipeline('counted', { batchSize: 5, checkpointInterval: 10 })
    .from(jsonl<Row>(at('in.jsonl')))
    .pipe(distinct('once', ({ n }) => n % 40))
    .pipe(
      defineStage({
        name: 'paid',
        durable: true,
        version,
        concurrency: 2,
        process: async (rows: Row[]) => rows,
      }),
    )
    .pipe(
      fold('count', {
        key: ({ n }: Row) => n % 2,
        init: () => 0,
        step: (count: number) => count + 1,
        to: jsonl(at('counts.jsonl')),
      }),
    )
    .to(jsonl(at('out.jsonl')));
}

test('crashEverywhere finds nothing', async () => {
  const whole = counted((name) => name);
  const report = await crashEverywhere(whole, {
    files: { 'in.jsonl': INPUT.split('\n').slice(0, 45).join('\n') },
    points: 8,
  });
  expect(report.points).toHaveLength(3 * 8);
});

test.each([0, 7])('a fork from batch %i has the state of its batch, and results of its own', async (from) => {
  const folder = freshFolder();
  const at = (name: string) => join(folder, name);
  mkdirSync(at('state'));
  writeFileSync(at('in.jsonl'), INPUT);
  const stateManager = new StateManager(lowdbStorage(at('state')), { checkpointInterval: 10 });
  const run = counted(at).run({ stateManager, record: true });
  await run;
  const counts = readFileSync(at('counts.jsonl'), 'utf8');
  expect(counts).toBe('{"key":0,"value":20}\n{"key":1,"value":20}\n');
  writeFileSync(at('counts.jsonl'), 'of the first run');
  const place = { session: run.sessionId as string, stateDir: at('state') };
  const { same, changed, added, disappeared, from: begun } = await rerun(counted(at, '2'), place, { from });
  expect({ changed, added, disappeared, same }).toEqual({ changed: 0, added: 0, disappeared: 0, same: 40 });
  expect(begun > 0).toBe(from > 0);
  expect(readFileSync(at('counts.jsonl'), 'utf8')).toBe('of the first run');
  expect(readFileSync(at('counts.jsonl.fork.jsonl'), 'utf8')).toBe(counts);
});

test('a redriven session continues the state: its results are those of both', async () => {
  const folder = freshFolder();
  const at = (name: string) => join(folder, name);
  mkdirSync(at('state'));
  writeFileSync(at('in.jsonl'), INPUT);
  const count = (name: string) =>
    fold(name, {
      init: () => 0,
      step: (rows: number, _row: Row) => rows + 1,
      to: jsonl(at(`${name}.jsonl`)),
    });
  const losing = (digit: number) =>
    pipeline('losing', { batchSize: 5 })
      .from(jsonl<Row>(at('in.jsonl')))
      .pipe(map('first', (row: Row) => fail(row, digit), { onError: 'dead-letter' }))
      .pipe(count('between'))
      .pipe(map('second', (row: Row) => fail(row, digit + 1), { onError: 'dead-letter' }))
      .pipe(count('behind'))
      .to(jsonl(at('out.jsonl')));
  const fail = (row: Row, digit: number) => {
    if (row.n % 10 === digit) throw new Error('lost');
    return row;
  };
  const stateManager = new StateManager(lowdbStorage(at('state')), { checkpointInterval: 10 });
  const run = losing(3).run({ stateManager });
  await run;
  expect(readFileSync(at('between.jsonl'), 'utf8')).toBe('{"key":null,"value":54}\n');
  expect(readFileSync(at('behind.jsonl'), 'utf8')).toBe('{"key":null,"value":48}\n');
  const redrive = await redriveSession(run.sessionId as string, losing(-5), { stateDir: at('state') });
  await losing(-5).run({ stateManager, resume: redrive?.sessionId as string });
  expect(readFileSync(at('between.jsonl'), 'utf8')).toBe('{"key":null,"value":60}\n');
  expect(readFileSync(at('behind.jsonl'), 'utf8')).toBe('{"key":null,"value":60}\n');
});
