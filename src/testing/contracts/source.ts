/**
 * What every source promises, run against each implementation, including yours.
 *
 * 1. From any position that it gave, it reads the rest of the rows, cut into the same batches (I7 depends on this).
 * 2. A batch keeps to the requested limits, one row at least.
 * 3. A malformed row is reported in its place and does not end the reading.
 * 4. `decode` may be called again (a retry); `close` at any time, twice, and during a read.
 * 5. (I15) The identity at a position is the same at every opening; input that became shorter is refused.
 */

import { systemClock } from '../../platform/clock.js';
import type { FileSystem } from '../../platform/file-system.js';
import type { OpenContext } from '../../platform/open-context.js';
import { codeOf } from '../../platform/thrown.js';
import type { OpenSource, Source, SourcePosition } from '../../sources/source.js';
import { is, ok, refuses, same } from './check.js';
import { runnerOf, type TestRunner } from './runner.js';

/** Represents a row that cannot be read, among the rows of a `SourceFixture`. */
export const MALFORMED = Symbol('malformed');

/** A source to test, and its rows. */
export interface SourceFixture {
  /** The same input every time. A new object, if an object can be opened only once. */
  source(): Source<unknown>;
  /** Its rows: 10 to 100. */
  readonly rows: readonly unknown[];
  /** Passed to the source when it is opened. Default: none. */
  readonly fileSystem?: FileSystem;
  /** The same input without its last rows. */
  shorter(): Promise<Source<unknown>>;
}

interface Seen {
  readonly rows: readonly unknown[];
  readonly position: SourcePosition;
}

export function contextOf(
  fileSystem?: FileSystem,
  sessionId = '00000000-0000-4000-8000-000000000000',
): OpenContext {
  return { sessionId, clock: systemClock, ...(fileSystem && { fileSystem }) };
}

export async function readAll(
  source: OpenSource<unknown>,
  maxRows = 1000,
  maxBytes = 1_000_000,
): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (;;) {
    const batch = await source.read(maxRows, maxBytes);
    if (batch === undefined) return seen;
    const decode = () => {
      const rows: unknown[] = [];
      batch.decode(
        (row) => rows.push(row),
        (error) => {
          is(codeOf(error), 'MALFORMED_ROW');
          rows.push(MALFORMED);
        },
      );
      return rows;
    };
    const rows = decode();
    is(rows.length, batch.size);
    ok(batch.size > 0);
    ok(batch.size <= maxRows);
    same(decode(), rows);
    seen.push({ rows, position: JSON.parse(JSON.stringify(batch.position)) });
  }
}

/** Declares the tests of a source.
 * @param makeFixture called in every test.
 * @param runner `{ describe, it }` of your test runner. Default: its globals.
 * @example
 * sourceContract('my queue', async () => ({ source: () => queue(rows), rows, shorter: async () => queue(rows.slice(0, -5)) }),
 *                { describe, it }); */
export function sourceContract(
  name: string,
  makeFixture: () => Promise<SourceFixture>,
  runner?: TestRunner,
): void {
  const { describe, it } = runnerOf(runner);
  const open = (fixture: SourceFixture, at?: SourcePosition) =>
    fixture.source().open(at, contextOf(fixture.fileSystem));

  describe(`${name} keeps the contract of a source`, () => {
    it('reads all rows in order, malformed ones in their place', async () => {
      const fixture = await makeFixture();
      for (const maxRows of [1, 3, 1000]) {
        const source = await open(fixture);
        const seen = await readAll(source, maxRows);
        same(
          seen.flatMap(({ rows }) => rows),
          fixture.rows,
        );
        is(await source.read(maxRows, 1000), undefined);
        await source.close();
      }
    });

    it('reads the rest from any position, cut into the same batches', async () => {
      const fixture = await makeFixture();
      for (const [maxRows, maxBytes] of [
        [1, 1_000_000],
        [4, 1_000_000],
        [1000, 1],
        [1000, 60],
      ] as const) {
        const whole = await open(fixture);
        const seen = await readAll(whole, maxRows, maxBytes);
        await whole.close();
        for (const [index, { position }] of seen.entries()) {
          const source = await open(fixture, position);
          same(await readAll(source, maxRows, maxBytes), seen.slice(index + 1));
          await source.close();
        }
      }
    });

    it('keeps a batch to maxBytes, one row at least', async () => {
      const fixture = await makeFixture();
      for (const maxBytes of [1, 40, 120]) {
        const source = await open(fixture);
        for (let before = 0; ; ) {
          const batch = await source.read(1000, maxBytes);
          if (batch === undefined) break;
          const bytes =
            batch.raw?.().bytes.length ?? (source.total?.unit === 'bytes' ? batch.done - before : 0);
          before = batch.done;
          ok(
            batch.size === 1 || bytes <= maxBytes,
            `${batch.size} rows have ${bytes} bytes, not ${maxBytes}`,
          );
        }
        await source.close();
      }
    });

    it('counts progress up to the total, with small positions', async () => {
      const fixture = await makeFixture();
      const source = await open(fixture);
      let done = 0;
      for (;;) {
        const batch = await source.read(7, 1_000_000);
        if (batch === undefined) break;
        ok(batch.done > done);
        done = batch.done;
        ok(JSON.stringify(batch.position).length <= 1_500);
      }
      if (source.total !== undefined) ok(done <= source.total.value);
      await source.close();
    });

    it('has the same identity at every opening (I15)', async () => {
      const fixture = await makeFixture();
      const source = await open(fixture);
      const whole = await source.identityOfWhole?.();
      const seen = await readAll(source, 5);
      for (const { position } of seen) {
        const other = await open(fixture, position);
        const identity = await source.identity(position);
        same(await other.identityOfWhole?.(), whole);
        same(await other.identity(position), identity);
        ok(JSON.stringify(identity ?? null).length < 1000);
        await other.close();
      }
      await source.close();
    });

    it('refuses input that ends before the position', async () => {
      const fixture = await makeFixture();
      const source = await open(fixture);
      const last = (await readAll(source)).at(-1) as Seen;
      await source.close();
      const shorter = await fixture.shorter();
      await refuses(shorter.open(last.position, contextOf(fixture.fileSystem)), 'PIPELINE_MISMATCH');
    });

    it('refuses the position of another source', async () => {
      const fixture = await makeFixture();
      for (const at of [{}, { rows: -1, bytes: 0, lines: 0 }, { rows: '1', bytes: '1', lines: '1' }]) {
        await refuses(open(fixture, at), 'PIPELINE_MISMATCH');
      }
    });

    it('may be closed at any time, twice, and then gives no rows', async () => {
      const fixture = await makeFixture();
      const source = await open(fixture);
      const reading = source.read(3, 1_000_000);
      await source.close();
      await source.close();
      await reading;
      is(await source.read(3, 1_000_000), undefined);
    });
  });
}
