/**
 * Pins: what one actor sends another is compared too, though nothing of it stands in the sender's state or context: another
 * content, another target, one too few or too many is told at the very event that sent it.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { replay } from 'xstate-pipeline/testing';
import { bytesOf, recordedRun, textOf, whole } from './recorded-run.js';

const PROCESS = '"a":"stage:same","e":{"type":"process","batch":3,"attempt":1}';

let lines: readonly string[];
beforeAll(async () => {
  lines = textOf(await recordedRun()).split('\n');
});

const numberOf = (line: string | undefined) => (JSON.parse(line ?? '') as { n: number }).n;

/** The recording with one line changed. */
async function replayed(of: string, change: (line: string) => string) {
  const at = lines.findIndex((line) => line.includes(of));
  expect(at).toBeGreaterThan(0);
  const text = lines.map((line, i) => (i === at ? change(line) : line)).filter((line) => line !== '-');
  const source = lines.slice(0, at).findLast((line) => line.includes('"e":{"type":"source.batch"'));
  const { divergence, text: told } = await replay(whole, bytesOf(`${text.join('\n')}\n`));
  return { divergence, told, at: numberOf(lines[at]), source: numberOf(source) };
}

describe('what the executor sends a stage', () => {
  test('another batch', async () => {
    const { divergence, source, told } = await replayed(PROCESS, (line) =>
      line.replaceAll('"batch":3', '"batch":7'),
    );
    expect(divergence).toMatchObject({
      ...{ event: source, actor: 'executor', eventType: 'source.batch', state: 'EXECUTING' },
      differences: [
        {
          path: 'sends to stage:same',
          expected: { type: 'process', batch: 7, attempt: 1 },
          got: { type: 'process', batch: 3, attempt: 1 },
        },
      ],
    });
    expect(told).toContain('executor gets source.batch in EXECUTING');
    expect(told).toMatch(
      /\* sends to stage:same +\{"type":"process","batch":7,"attempt":1\} +\{"type":"process","batch":3/,
    );
  });

  test('to another stage', async () => {
    // As idle as the one that it is meant for.
    const of = PROCESS.replace('"batch":3', '"batch":0');
    const { divergence, source } = await replayed(of, (line) => line.replace('stage:same', 'stage:paid'));
    const event = { type: 'process', batch: 0, attempt: 1 };
    expect(divergence).toMatchObject({
      ...{ event: source, actor: 'executor' },
      differences: [
        { path: 'sends to stage:paid', expected: event },
        { path: 'sends to stage:same', got: event },
      ],
    });
  });

  test('nothing', async () => {
    const { divergence, source } = await replayed(PROCESS, () => '-');
    expect(divergence).toMatchObject({
      ...{ event: source, actor: 'executor' },
      differences: [{ path: 'sends to stage:same', expected: undefined, got: { type: 'process', batch: 3 } }],
    });
  });
});

test('what a stage reports', async () => {
  const { divergence } = await replayed('"e":{"type":"stage.done","stage":0,"batch":2', (line) =>
    line.replace('"batch":2', '"batch":1'),
  );
  expect(divergence).toMatchObject({
    ...{ actor: 'stage:same', eventType: 'attempt.done' },
    differences: [
      { path: 'sends to executor', expected: { batch: 1 }, got: { type: 'stage.done', stage: 0, batch: 2 } },
    ],
  });
});
