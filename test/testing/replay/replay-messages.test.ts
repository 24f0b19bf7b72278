/**
 * Pins: the messages between actors are compared too, although the sender's state and context do not contain them. A message
 * with other content or another target, a missing and an extra message are reported at the event that sent it.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { replay } from 'xstate-pipeline/testing';
import { bytesOf, recordedRun, textOf, whole } from './recorded-run.js';

/** The fifth batch is read and processed alone. */
const PROCESS = '"a":"stage:same","e":{"type":"process","batches":[4]}';

let lines: readonly string[];
beforeAll(async () => {
  lines = textOf(await recordedRun()).split('\n');
});

const numberOf = (line: string | undefined) => (JSON.parse(line ?? '') as { n: number }).n;

/** The recording with one line changed or removed. */
async function replayed(of: string, change: (line: string) => string | undefined) {
  const at = lines.findIndex((line) => line.includes(of));
  expect(at).toBeGreaterThan(0);
  const source = lines.slice(0, at).findLast((line) => line.includes('"e":{"type":"source.batches"'));
  const changed = lines.flatMap((line, i) => (i === at ? (change(line) ?? []) : line));
  // Renumbered without a gap: the run never took this step, and no record is missing.
  const numbered = changed.map((line, n) => line.replace(/"n":\d+/, `"n":${n}`));
  const { divergence, text } = await replay(whole, bytesOf(numbered.join('\n')));
  return { divergence, text, source: numberOf(source) };
}

describe('a message of the executor to a stage', () => {
  test('with another batch differs', async () => {
    const { divergence, source, text } = await replayed(PROCESS, (line) =>
      line.replace('[4]', '[7]').replace('"batch":4', '"batch":7'),
    );
    expect(divergence).toMatchObject({
      ...{ event: source, actor: 'executor', eventType: 'source.batches', state: 'EXECUTING' },
      differences: [
        {
          path: 'sends to stage:same',
          expected: { type: 'process', batches: [7] },
          got: { type: 'process', batches: [4] },
        },
      ],
    });
    expect(text).toContain('executor gets source.batches in EXECUTING');
    expect(text).toMatch(
      / {2}- sends to stage:same +\{"type":"process","batches":\[7\]\}\n {2}\+ sends to stage:same +\{"type":"process","batches":\[4\]\}/,
    );
  });

  test('with another target differs', async () => {
    // At the start, the other stage is idle as well.
    const of = '"a":"stage:same","e":{"type":"process","batches":[0,';
    const { divergence, source } = await replayed(of, (line) => line.replace('stage:same', 'stage:paid'));
    const event = { type: 'process', batches: [0, 1, 2, 3] };
    expect(divergence).toMatchObject({
      ...{ event: source, actor: 'executor' },
      differences: [
        { path: 'sends to stage:paid', expected: event },
        { path: 'sends to stage:same', got: event },
      ],
    });
  });

  test('that the stage never received differs', async () => {
    const { divergence, source } = await replayed(PROCESS, () => undefined);
    expect(divergence).toMatchObject({
      ...{ event: source, actor: 'executor' },
      differences: [
        { path: 'sends to stage:same', expected: undefined, got: { type: 'process', batches: [4] } },
      ],
    });
  });

  test('that is still pending is not reported as a difference', async () => {
    // The stage reports all four at once later: until then the executor has received none of them.
    const of = '"a":"stage:same","e":{"type":"attempts.done","batches":[3]';
    const { divergence } = await replayed(of, (line) => line.replace('"done":4', '"done":5'));
    expect(divergence).toMatchObject({
      ...{ actor: 'stage:same', eventType: 'attempts.done' },
      differences: [{ path: 'done', expected: 5, got: 4 }],
    });
  });
});

test.each([
  ['as another report before it', 1],
  ['as the first report', 0],
])('what a stage reports: %s', async (_, batch) => {
  const { divergence } = await replayed('"e":{"type":"stage.done","stage":0,"batches":[2]', (line) =>
    line.replace('[2]', `[${batch}]`),
  );
  expect(divergence).toMatchObject({
    ...{ actor: 'stage:same', eventType: 'attempts.done' },
    differences: [
      {
        path: 'sends to executor',
        expected: { type: 'stage.done', batches: [batch] },
        got: { type: 'stage.done', stage: 0, batches: [2] },
      },
    ],
  });
});
