/**
 * Pins what `crashTest` takes for broken, on lives that are made up: a durable batch that is paid for again, in this process or
 * another (I8), an idempotency key that changes, a session that was announced and is gone.
 */
import { expect, test, vi } from 'vitest';
import { crashCase, secondInvocations } from '../../src/testing/crash/crash-case.js';
import type { CrashFolder } from '../../src/testing/crash/crash-folder.js';
import type { Life } from '../../src/testing/crash/life.js';

const lives: Life[] = [];
vi.mock('../../src/testing/crash/life.js', () => ({ live: async () => lives.shift() }));

const ID = '00000000-0000-4000-8000-000000000000';

/** @param invoked batch, and attempt where it is not the first. */
function life(
  invoked: readonly (readonly [batch: number, attempt?: number])[],
  announced: readonly number[],
  key = 'a',
): Life {
  return {
    ...{ exitCode: undefined, operations: [], stderr: '', isHung: false },
    invocations: invoked.map(([batch, attempt = 1]) => ({
      ...{ stage: 's', batch, attempt, idempotencyKey: `${ID}:${key}` },
    })),
    events: announced.map((batch) => ({
      ...{ type: 'batch.completed', stage: 's', sessionId: ID, at: 0, batch, durable: true, replayed: false },
      ...{ rowsIn: 1, rowsOut: 1, attempt: 1, durationMs: 0 },
    })),
  };
}

test('a batch that was announced and is invoked again, by another process', () => {
  const promised = new Set<string>();
  const keys = new Map<string, string>();
  expect(secondInvocations(life([[0], [1]], [0]), promised, keys)).toEqual([]);
  expect(secondInvocations(life([[1], [2]], [1]), promised, keys)).toEqual([]);
  expect(secondInvocations(life([[1]], []), promised, keys)).toEqual([
    'stage "s" was invoked again for batch 1, whose output was durable',
  ]);
  expect(secondInvocations(life([[2]], [], 'b'), promised, keys)).toEqual([
    'batch 2 of stage "s" had another idempotencyKey before',
  ]);
});

test('an attempt that is made twice by one process; a retry is none', () => {
  const found = (one: Life) => secondInvocations(one, new Set(), new Map());
  expect(found(life([[0], [1], [1, 2], [1, 3]], [0, 1]))).toEqual([]);
  expect(found(life([[0], [1], [0]], [0, 1]))).toEqual([
    'stage "s" was invoked twice for attempt 1 of batch 0',
  ]);
});

test('a session that is gone, though batches of it were announced', async () => {
  const folder = {
    session: async () => undefined,
    output: async () => ({}),
  } satisfies Partial<CrashFolder> as unknown as CrashFolder;
  const killed = async (announced: readonly number[]) => {
    lives.splice(0, lives.length, life([[0]], announced), { ...life([[0]], [0]), exitCode: 0 });
    const deaths = [{ atOperation: 9 }];
    const { problems } = await crashCase({ folder, deaths, timeoutMs: 1, output: (of) => of.output() });
    return problems;
  };
  // What was never announced may begin afresh.
  expect(await killed([])).toEqual([]);
  expect(await killed([0])).toEqual([
    'the session is gone, after batches of it had been announced as durable',
  ]);
});
