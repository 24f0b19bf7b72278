/** What makes a stage another stage (I15), and what may change between a pause and its resume. */
import { expect, test } from 'vitest';
import * as z from 'zod';
import { defineStage, filter, map } from '../../src/stages/define.js';
import { describeStage } from '../../src/stages/fingerprint.js';

const process = (rows: { readonly n: number }[]) => rows;
const base = { name: 'classify', process };
const facts = (options: object) => JSON.stringify(describeStage(defineStage({ ...base, ...options })));

test.each([
  [{ name: 'label' }],
  [{ version: '2' }],
  [{ durable: true }],
  [{ onError: 'skip' }],
  [{ input: z.object({ n: z.number() }) }],
  [{ output: z.object({ n: z.number() }) }],
])('%o makes it another stage', (change) => {
  expect(facts(change)).not.toBe(facts({}));
});

test.each([
  [{ concurrency: 8 }],
  [{ retry: { attempts: 5 } }],
  [{ timeoutMs: 1_000 }],
  [{ hooks: { before: () => {} } }],
  [{ process: (rows: { readonly n: number }[]) => rows.slice() }],
])('%o may be changed', (change) => {
  expect(facts(change)).toBe(facts({}));
});

test('map and filter of the same name differ', () => {
  expect(describeStage(map('a', (row: number) => row))).not.toEqual(
    describeStage(filter('a', (row: number) => row > 1)),
  );
});

test('it holds no option by value', () => {
  const stage = defineStage({ ...base, onError: 'dead-letter' });
  expect(JSON.stringify(describeStage(stage))).not.toContain('dead-letter');
  expect(describeStage(stage)).toEqual({
    name: 'classify',
    version: '1',
    kind: 'batch',
    durable: false,
    options: expect.stringMatching(/^[0-9a-f]{16}$/),
  });
});

test('it is the same in every release: checkpoints of older ones are compared with it', () => {
  expect(describeStage(map('tidy', (row: number) => row))).toMatchInlineSnapshot(`
    {
      "durable": false,
      "kind": "map",
      "name": "tidy",
      "options": "6f4b2200a8dd82f3",
      "version": "1",
    }
  `);
});
