/**
 * Pins: for a recording that is damaged, cut, of a later release or not a file, a replay never calls unchecked records equal,
 * never reports a missing line as a difference of the machines, and never waits.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { replay, snapshotAt } from 'xstate-pipeline/testing';
import { bytesOf, recordedRun, textOf, whole } from './recorded-run.js';

let lines: readonly string[];
beforeAll(async () => {
  lines = textOf(await recordedRun()).split('\n');
});

const without = (index: number, put: readonly string[] = []) =>
  bytesOf(lines.toSpliced(index, 1, ...put).join('\n'));

describe('a missing or damaged line', () => {
  test('is not a difference of the machines, at any place', async () => {
    const first = lines.findIndex((line) => line.startsWith('{"k":"s"'));
    for (let index = first; index < lines.length - 1; index++) {
      if (lines[index]?.startsWith('{"k":"b"')) continue;
      const put = [[], ['garbage'], [lines[index]?.slice(8) ?? '']][index % 3] ?? [];
      const result = await replay(whole, without(index, put)).catch((error: unknown) => String(error));
      if (typeof result === 'string') expect(result).toContain('nothing that could be compared');
      else expect(result, `line ${index}: ${result.text}`).toMatchObject({ ok: true });
      // A missing last line of a process cannot be detected.
      const isLast = lines[index + 1] === '' || lines[index + 1]?.startsWith('{"k":"b"');
      if (typeof result !== 'string' && !isLast) expect(result.unchecked).toBeGreaterThan(0);
    }
  });

  test('hides the moments after it from snapshotAt', async () => {
    const [at] = lines.flatMap((line, index) => (line.includes('"type":"stage.done"') ? [index] : []));
    const next = JSON.parse(lines[(at ?? 0) + 1] ?? '') as { n: number };
    await expect(snapshotAt(without(at ?? 0), { event: next.n })).rejects.toThrow('damaged before event');
  });

  test('does not hide a different step before it', async () => {
    const changed = lines.map((line) => line.replace('"reader":"ended"', '"reader":"idle"'));
    const at = changed.findIndex((line, index) => line !== lines[index]);
    const { divergence } = await replay(whole, bytesOf(changed.toSpliced(at + 4, 1).join('\n')));
    expect(divergence).toMatchObject({ eventType: 'source.end' });
  });
});

test('a replay without a comparison is not a success', async () => {
  const heads = lines.slice(0, 3).join('\n');
  await expect(replay(whole, bytesOf(`${heads}\n`))).rejects.toThrow('nothing that could be compared');
  const headless = lines.join('\n').replaceAll('"definition":"', '"definition":"no-');
  await expect(replay(whole, bytesOf(headless))).rejects.toThrow('nothing that could be compared');
});

test('a recording with records of a later release is refused', async () => {
  const begins = lines.flatMap((line, index) => (line.startsWith('{"k":"b"') ? [index] : []));
  expect(begins.length).toBeGreaterThan(1);
  for (const index of begins) {
    const newer = lines[index]?.replace('"format":2', '"format":99') ?? '';
    await expect(replay(whole, without(index, [newer]))).rejects.toThrow(
      'recorded by a newer release (format 99). This release reads up to format 2.',
    );
  }
});

test('a state that the current machine does not have is a difference', async () => {
  const renamed = lines.map((line) => line.replaceAll('"state":"PAUSED"', '"state":"HALTED"'));
  const text = renamed.join('\n').replaceAll('"state":"IDLE"', '"state":"ASLEEP"');
  const { ok, divergence } = await replay(whole, bytesOf(text));
  expect(ok).toBe(false);
  expect(divergence).toMatchObject({
    ...{ actor: 'executor', state: 'ASLEEP', expected: { state: 'ASLEEP' } },
    got: { transition: expect.stringContaining("State 'ASLEEP' does not exist") },
  });
});

test.skipIf(process.platform === 'win32')(
  'what is neither a file nor a folder, as a pipe, is not waited for',
  async () => {
    await expect(replay(whole, '/dev/null')).rejects.toThrow('neither a file nor a directory');
  },
);
