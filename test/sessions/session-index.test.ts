/**
 * A list of many sessions reads the checkpoints that have changed, and no others (I25). Pins:
 *
 * 1. With an index, no checkpoint is read; each session costs two `stat`; at most 64 file operations run at once.
 * 2. Whatever changes a session is in the next list: a save, damage, a removal, an owner, a clock that stands still.
 * 3. A damaged, foreign or unwritable index changes nothing of what is listed.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { collect, map, pipeline, StateManager, silentLogger } from 'xstate-pipeline';
import { lowdbStorage } from 'xstate-pipeline/node';
import { encodeCheckpoint } from '../../src/checkpoint/envelope.js';
import { timedUuid } from '../../src/platform/environment.js';
import { nodeFileSystem } from '../../src/platform/node-file-system.js';
import { listSessions } from '../../src/sessions/listing/list-sessions.js';
import { freshFolder } from '../support/folders.js';

const START = 1_700_000_000_000;
const LONG_AGO = new Date(START);
const FILE = 'checkpoint.json';
const INDEX = 'sessions-index.json';

afterEach(() => void vi.restoreAllMocks());

/** As many settled sessions, each a copy of one real failed run. */
async function filled(count: number): Promise<{ home: string; ids: string[] }> {
  const from = freshFolder();
  const stage = map('break', () => {
    throw new Error('broken');
  });
  const run = pipeline('p')
    .from([{ n: 1 }])
    .pipe(stage)
    .to(collect());
  await expect(run.run({ stateDir: from, environment: { logger: silentLogger } })).rejects.toThrow('broken');
  const [id = ''] = readdirSync(from);
  const { checkpoint } = await new StateManager(lowdbStorage(from)).loadCheckpoint(id);
  const home = freshFolder();
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const sessionId = timedUuid(START + i);
    mkdirSync(join(home, sessionId));
    writeFileSync(join(home, sessionId, FILE), encodeCheckpoint({ ...checkpoint, sessionId }));
    settle(home, sessionId);
    ids.push(sessionId);
  }
  return { home, ids };
}

/** Nothing in the session has changed lately. */
function settle(home: string, sessionId: string): void {
  const file = join(home, sessionId, FILE);
  if (existsSync(file)) utimesSync(file, LONG_AGO, LONG_AGO);
  utimesSync(join(home, sessionId), LONG_AGO, LONG_AGO);
}

/** Counts operations from now on, and how many run at once. */
function countOperations() {
  const counts = { stat: 0, readFile: 0, most: 0 };
  let now = 0;
  for (const name of ['stat', 'readFile'] as const) {
    const operation = nodeFileSystem[name] as (path: string, maxBytes: number) => Promise<unknown>;
    vi.spyOn(nodeFileSystem, name).mockImplementation((async (path: string, maxBytes: number) => {
      counts[name]++;
      counts.most = Math.max(counts.most, ++now);
      try {
        return await operation(path, maxBytes);
      } finally {
        now--;
      }
    }) as never);
  }
  return counts;
}

test('a second list reads the index, and two facts of each session', async () => {
  const { home, ids } = await filled(120);
  const first = await listSessions({ stateDir: home });
  expect(first).toHaveLength(120);
  const counts = countOperations();
  expect(await listSessions({ stateDir: home })).toEqual(first);
  expect(counts.readFile).toBe(1);
  expect(counts.stat).toBeLessThanOrEqual(2 * ids.length + 2);
  expect(counts.most).toBeLessThanOrEqual(64);
});

test('without an index, 32 sessions are read at once', async () => {
  const { home, ids } = await filled(120);
  const counts = countOperations();
  await listSessions({ stateDir: home });
  expect(counts.readFile).toBeLessThanOrEqual(2 * ids.length + 1);
  expect(counts.most).toBeLessThanOrEqual(64);
});

test('few sessions have no index', async () => {
  const { home } = await filled(99);
  await listSessions({ stateDir: home });
  expect(existsSync(join(home, INDEX))).toBe(false);
});

const edit = (home: string, id: string, change: (text: string) => string) => {
  const file = join(home, id, FILE);
  writeFileSync(file, change(readFileSync(file, 'utf8')));
};

test.each<[string, (home: string, id: string) => void, string | undefined]>([
  ['its checkpoint is damaged in place', (home, id) => edit(home, id, () => '{}'), 'corrupt'],
  ['a newer checkpoint is beside it', nextOf('COMPLETED'), 'completed'],
  ['it is saved', saved('COMPLETED'), 'completed'],
  ['it is removed', (home, id) => rmSync(join(home, id), { recursive: true }), undefined],
])('%s: the next list shows it', async (_, change, state) => {
  const { home, ids } = await filled(100);
  const [id = ''] = ids;
  await listSessions({ stateDir: home });
  change(home, id);
  const stateOf = async () =>
    (await listSessions({ stateDir: home })).find(({ sessionId }) => sessionId === id)?.state;
  expect(await stateOf()).toBe(state);
  expect(await stateOf()).toBe(state);
});

function nextOf(state: 'COMPLETED') {
  return (home: string, id: string) => {
    const { checksum: _, format: __, ...checkpoint } = JSON.parse(readFileSync(join(home, id, FILE), 'utf8'));
    writeFileSync(join(home, id, 'checkpoint.next.json'), encodeCheckpoint({ ...checkpoint, state }));
  };
}

function saved(state: 'COMPLETED') {
  return (home: string, id: string) => {
    nextOf(state)(home, id);
    renameSync(join(home, id, 'checkpoint.next.json'), join(home, id, FILE));
  };
}

test('a session that has only just changed gets no entry: a second change in the same tick would not show', async () => {
  const { home, ids } = await filled(100);
  const [id = ''] = ids;
  const now = new Date();
  utimesSync(join(home, id), now, now);
  await listSessions({ stateDir: home });
  saved('COMPLETED')(home, id);
  utimesSync(join(home, id), now, now);
  const listed = await listSessions({ stateDir: home });
  expect(listed.find(({ sessionId }) => sessionId === id)?.state).toBe('completed');
});

test.each<[string, (home: string) => void]>([
  ['damaged', (home) => writeFileSync(join(home, INDEX), '{"format":1,"sessions":')],
  [
    'of sessions with other fields',
    (home) => {
      const index = join(home, INDEX);
      writeFileSync(index, readFileSync(index, 'utf8').replaceAll('"canResume":true', '"canResume":"yes"'));
    },
  ],
  [
    'of another place',
    (home) => {
      const other = freshFolder();
      copyFileSync(join(home, INDEX), join(other, INDEX));
      writeFileSync(
        join(home, INDEX),
        readFileSync(join(other, INDEX), 'utf8').replace(home, other).replaceAll('"failed"', '"paused"'),
      );
    },
  ],
  [
    'a directory',
    (home) => {
      rmSync(join(home, INDEX));
      mkdirSync(join(home, INDEX));
    },
  ],
])('an index that is %s is ignored', async (_, change) => {
  const { home } = await filled(100);
  const first = await listSessions({ stateDir: home });
  change(home);
  expect(await listSessions({ stateDir: home })).toEqual(first);
});
