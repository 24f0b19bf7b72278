/** A user's tests of a pipeline under jest. Run by `node test/packaging/jest.mjs`. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, test } from '@jest/globals';
import { defineStage, map, memoryStorage, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { crashEverywhere, createTestExecutor, matchers, storageContract } from 'xstate-pipeline/testing';

expect.extend(matchers);

/** @param {number} count */
const lines = (count) => Array.from({ length: count }, (_, n) => `{"n":${n}}\n`).join('');
const paid = () => defineStage({ name: 'paid', durable: true, process: async (rows) => rows });
const files = { 'in.jsonl': lines(12) };
const whole = pipeline('p', { batchSize: 4 }).from(jsonl('in.jsonl')).pipe(paid()).to(jsonl('out.jsonl'));

test('a run over files fails, and a resume completes it', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'xstate-pipeline-jest-'));
  writeFileSync(join(cwd, 'in.jsonl'), lines(200));
  let isDown = true;
  const ask = map('ask', async (row) => {
    if (isDown && row.n === 150) readFileSync(join(cwd, 'missing'));
    return row;
  });
  const files = pipeline('p', { batchSize: 20 })
    .from(jsonl(join(cwd, 'in.jsonl')))
    .pipe(ask)
    .to(jsonl(join(cwd, 'out.jsonl')));
  const stateDir = join(cwd, 'state');
  await expect(files.run({ stateDir })).rejects.toThrow('ENOENT');
  isDown = false;
  expect((await files.run({ stateDir, resume: 'last' })).success).toBe(true);
  expect(readFileSync(join(cwd, 'out.jsonl'), 'utf8')).toBe(lines(200));
});

test('a test executor, its matchers, and a crash at every operation', async () => {
  const executor = createTestExecutor(whole, { files });
  await executor.execute();
  expect(executor).toBeInState('COMPLETED');
  expect(executor).toHaveNoSecondInvocation();
  await crashEverywhere(whole, { files });
}, 120_000);

storageContract(
  'memory',
  async () => {
    const storage = memoryStorage();
    return () => storage;
  },
  { describe, it },
);
