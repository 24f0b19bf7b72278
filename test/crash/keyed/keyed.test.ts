/**
 * `fold` and `distinct` on a simulated disk that fails, or whose power fails, at each of its operations.
 *
 * Pinned: I5–I9 with state beside the checkpoint: output and results are byte-identical to those of an uninterrupted run, no announced
 * durable output is computed again, and a damaged state is refused with a code.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { SEED } from '../../support/seed.js';
import { Ledger } from '../simulated-run.js';
import { finishKeyed, keyedDisk, OUTPUTS, runKeyedOnce } from './keyed-run.js';

/** Every how manieth operation is tried; `XSTATE_PIPELINE_LONG=1` tries all. */
const STRIDE = process.env.XSTATE_PIPELINE_LONG === undefined ? 9 : 1;
const TIMEOUT_MS = 120_000;

describe.each([{ isPaid: false }, { isPaid: true }])('%j', (options) => {
  let golden: (string | undefined)[];
  let operations: number;

  beforeAll(async () => {
    const disk = keyedDisk();
    await finishKeyed(disk, new Ledger(), options);
    golden = OUTPUTS.map((path) => disk.text(path));
    operations = disk.operations.length;
  });

  test('an uninterrupted run counts every row once', () => {
    const [out, totals, labels] = golden.map((text) =>
      (text ?? '')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    );
    expect(out).toHaveLength(23);
    expect(totals).toHaveLength(3);
    expect(totals?.reduce((sum, { value }) => sum + value.rows, 0)).toBe(40);
    expect(labels?.flatMap(({ value }) => value)).toHaveLength(23);
    expect(operations).toBeGreaterThan(80);
  });

  async function finishAndCompare(
    disk: ReturnType<typeof keyedDisk>,
    ledger: Ledger,
    what: string,
  ): Promise<void> {
    await finishKeyed(disk, ledger, options).catch((error: unknown) => {
      throw new Error(what, { cause: error });
    });
    expect(
      OUTPUTS.map((path) => disk.text(path)),
      what,
    ).toEqual(golden);
    expect(ledger.violations, what).toEqual([]);
    expect(leftovers(disk), what).toEqual([]);
  }

  test.each(['EIO', 'ENOSPC'] as const)(
    'one operation fails: %s',
    async (code) => {
      for (let n = 1 + (SEED % STRIDE); n <= operations; n += STRIDE) {
        const disk = keyedDisk();
        const ledger = new Ledger();
        disk.fail(n, code, 'clean');
        await runKeyedOnce(disk, ledger, options);
        await finishAndCompare(disk.kill(), ledger, `operation ${n} fails: ${nameOf(disk, n)}`);
      }
    },
    TIMEOUT_MS,
  );

  test.each([undefined, 1, 2])(
    'the power fails (seed %s)',
    async (seed) => {
      for (let n = 1 + (SEED % STRIDE); n <= operations; n += STRIDE) {
        const disk = keyedDisk();
        const ledger = new Ledger();
        disk.cutAt(n);
        await runKeyedOnce(disk, ledger, options);
        const after = disk.crash(seed === undefined ? undefined : seed * 1000 + n);
        await finishAndCompare(after, ledger, `power fails at operation ${n}: ${nameOf(disk, n)}`);
      }
    },
    TIMEOUT_MS,
  );
});

function nameOf(disk: ReturnType<typeof keyedDisk>, n: number): string {
  return `${disk.operations[n - 1]?.kind} ${disk.operations[n - 1]?.path}`;
}

/** Unfinished files beside the results. (Of the output, an opening that was killed at its first operations may leave one.) */
function leftovers(disk: ReturnType<typeof keyedDisk>): string[] {
  return disk.files().filter((path) => path.includes('.part') && !path.startsWith(OUTPUTS[0]));
}
