/**
 * A redrive that is killed with SIGKILL, and called again by others.
 *
 * Pinned: the dead letters of a session are taken once, whichever disk operation fails while the new session is stored; after any
 * kills, both outputs together hold every row once (I7), and a call that was journaled is not made again (I20).
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { map, pipeline, seededRandom } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { createTestExecutor } from 'xstate-pipeline/testing';
import { memoryLock } from '../../../src/checkpoint/lock/memory-lock.js';
import { StateManager } from '../../../src/checkpoint/state-manager.js';
import { lowdbStorage } from '../../../src/checkpoint/storages/lowdb-storage.js';
import { prepareRedrive } from '../../../src/history/redrive/redrive-session.js';
import { timedUuid } from '../../../src/platform/environment.js';
import type { SimulatedDisk } from '../../../src/testing/disk/simulated-disk.js';
import { STATE_DIRECTORY } from '../../../src/testing/executor/test-process.js';
import { freshFolder } from '../../support/folders.js';
import { SEED } from '../../support/seed.js';

const CHILD = fileURLToPath(new URL('redrive.child.mjs', import.meta.url));
const KILLS = Number(process.env.XSTATE_PIPELINE_REDRIVE_KILLS ?? 3);
const COUNT = 60;

test(`kill -9 at ${KILLS} random calls (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  const folder = freshFolder();
  const child = (phase: string, killAt?: number) =>
    spawnSync(process.execPath, [CHILD, JSON.stringify({ folder, count: COUNT, phase, killAt })], {
      encoding: 'utf8',
    });
  const first = /session (\S+)/.exec(child('first').stdout)?.[1] as string;
  expect(first).toBeDefined();
  for (let kill = 0; kill < KILLS; kill++)
    expect(child(first, 1 + Math.floor(random() * 2)).signal).toBe('SIGKILL');
  const last = child(first);
  expect(last.stdout, last.stderr).toMatch(/^completed /);
  expect(JSON.parse(last.stdout.slice(10))).toMatchObject({ rows: 24, isNew: false });
  const numbers = (name: string) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { n: number }).n);
  const all = [...numbers('out.jsonl'), ...numbers('out.redriven.jsonl')].sort((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: COUNT }, (_, n) => n));
  // Rows that `store` lost are not asked about again; each kill repeats at most the two calls in flight.
  const books = readFileSync(join(folder, `books-${first}`), 'utf8')
    .split('\n')
    .filter(Boolean);
  for (const line of books) expect(line).toMatch(/ (\d*[16])(,\d*[16])*$/);
  expect(books.length - new Set(books).size).toBeLessThanOrEqual(KILLS * 2);
}, 60_000);

const lossy = map(
  'check',
  (row: { readonly n: number }) => {
    if (row.n % 3 === 0) throw new Error('lost');
    return row;
  },
  { onError: 'dead-letter' },
);
const whole = () =>
  pipeline('p', { batchSize: 4 }).from(jsonl<{ n: number }>('in.jsonl')).pipe(lossy).to(jsonl('out.jsonl'));

function managerOf(fileSystem: SimulatedDisk): StateManager {
  const lock = memoryLock();
  return new StateManager(
    lowdbStorage(STATE_DIRECTORY, {
      fileSystem,
      acquireLock: ({ sessionId, handlers }) => lock(sessionId, handlers),
    }),
  );
}

test('whichever disk operation fails while the new session is stored, one session takes the dead letters', async () => {
  const input = Array.from({ length: 12 }, (_, i) => `{"n":${i}}\n`).join('');
  const run = createTestExecutor(whole(), { files: { 'in.jsonl': input }, seed: 1 });
  await run.execute();
  const sessionId = run.sessionId as string;
  let failed = 0;
  for (let n = 1; ; n++) {
    let ids = 0;
    const prepare = (fileSystem: SimulatedDisk) =>
      prepareRedrive({
        ...{ stateManager: managerOf(fileSystem), fileSystem, sessionId, pipeline: whole() },
        ...{ newSessionId: () => timedUuid(++ids), to: undefined, force: false },
      });
    const first = run.disk.crash();
    first.fail(n, 'EIO');
    const error = await prepare(first).catch((reason: unknown) => reason);
    const isDone = first.operations.length < n;
    const disk = first.kill();
    const again = await prepare(disk);
    expect(again, `operation ${n}: ${error}`).toMatchObject({ rows: 4, redrives: sessionId });
    expect(await prepare(disk)).toEqual({ ...again, isNew: false });
    const stored = await managerOf(disk).listCheckpoints();
    expect(stored, `operation ${n}: ${error}`).toHaveLength(2);
    if (isDone) break;
    failed++;
  }
  expect(failed).toBeGreaterThan(10);
});
