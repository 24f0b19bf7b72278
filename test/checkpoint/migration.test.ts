/**
 * Pins: steps bring a checkpoint of an earlier format to today's, wherever it is read, and it resumes. Their result is checked
 * like any checkpoint (I9). The checksum covers the text as written. Format 0 is invented: it has `started` and `name`, and its
 * marks have no `malformed`.
 */
import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { createTestExecutor, loadSnapshot, readSnapshot } from 'xstate-pipeline/testing';
import { canonicalJson, type JsonObject } from '../../src/formats/json.js';

vi.mock('../../src/checkpoint/migrations.js', async (original) => ({
  MIGRATIONS: new Map([
    ...(await original<typeof import('../../src/checkpoint/migrations.js')>()).MIGRATIONS,
    [
      0,
      ({ started, name, snapshot, ...same }: JsonObject): JsonObject => {
        const { context, ...rest } = snapshot as { context: { flushed: JsonObject } };
        const flushed: JsonObject = { ...context.flushed, malformed: 0 };
        return {
          ...same,
          startedAt: started ?? null,
          pipeline: name ?? null,
          snapshot: { ...rest, context: { ...context, flushed } },
        };
      },
    ],
  ]),
}));

const file = new URL('../testing/formats/1.json', import.meta.url);

async function ofFormat0(change: (body: JsonObject) => JsonObject = (body) => body): Promise<string> {
  const {
    checksum: _,
    startedAt,
    pipeline: name,
    snapshot,
    ...same
  } = JSON.parse(readFileSync(file, 'utf8'));
  const { malformed: __, ...flushed } = snapshot.context.flushed;
  const old = { ...snapshot, context: { ...snapshot.context, flushed } };
  const body = change({ ...same, format: 0, started: startedAt, name, snapshot: old });
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(canonicalJson(body)));
  return JSON.stringify({ ...body, checksum: Buffer.from(digest).toString('hex') });
}

test('it is loaded as today’s, and resumes to the right output', async () => {
  const text = await ofFormat0();
  const { checkpoint, snapshot } = await loadSnapshot(file);
  const loaded = readSnapshot(text);
  expect(loaded.checkpoint).toEqual(checkpoint && { ...checkpoint, snapshot: loaded.checkpoint?.snapshot });
  expect(loaded.snapshot).toEqual(snapshot);
  const whole = pipeline('numbers', { batchSize: 2, checkpointInterval: 4 })
    .from(jsonl<{ n: number }>('in.jsonl'))
    .pipe(map('double', ({ n }: { n: number }) => ({ n: n * 2 })))
    .to(jsonl('out.jsonl'));
  const lines = (from: readonly number[]) => from.map((n) => `${JSON.stringify({ n })}\n`).join('');
  const numbers = Array.from({ length: 10 }, (_, n) => n);
  const executor = createTestExecutor(whole, {
    snapshot: readSnapshot(text, whole.stages),
    files: { 'in.jsonl': lines(numbers), 'out.jsonl.part': lines([0, 2, 4, 6]) },
  });
  // The stored text is the old one: the executor reads it through the same door.
  await executor.resume({ force: true });
  expect(executor.rows()).toEqual(numbers.map((n) => ({ n: n * 2 })));
  expect(executor.checkpoint()?.text).toContain('"format":2');
});

test('what is damaged, before its step or by it, is refused', async () => {
  const text = await ofFormat0();
  expect(() => readSnapshot(text.replace('numbers', 'letters'))).toThrow('the checksum does not match');
  const without = await ofFormat0(({ started: _, ...body }) => body);
  expect(() => readSnapshot(without)).toThrow('startedAt');
  const hollow = await ofFormat0((body) => ({ ...body, snapshot: {} }));
  expect(() => readSnapshot(hollow)).toThrow('not what format 0 holds');
  const older = await ofFormat0((body) => ({ ...body, format: -1 }));
  expect(() => readSnapshot(older)).toThrow('no known format');
});
