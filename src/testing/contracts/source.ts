/**
 * What every source promises, run against each implementation, yours too.
 *
 * 1. From any position it gave, the rest of the rows comes, cut into the same batches (I7 stands on this).
 * 2. A batch keeps to the limits asked for, one row at least.
 * 3. A malformed row is reported in its place and does not end the reading.
 * 4. `decode` may be called again (a retry); `close` at any time, twice too, also while a read is under way.
 * 5. (I15) What it says of its identity at a position is the same at every opening; input that became shorter is refused.
 */

import { codeOf } from '../../errors.js';
import { systemClock } from '../../platform/clock.js';
import type { FileSystem } from '../../platform/file-system.js';
import type { OpenContext } from '../../platform/open-context.js';
import type { OpenSource, Source, SourcePosition } from '../../sources/source.js';
import { is, ok, refuses, same } from './check.js';
import { runnerOf, type TestRunner } from './runner.js';

/** Stands, among the rows of a `SourceFixture`, for one that cannot be read. */
export const MALFORMED = Symbol('malformed');

/** A source to be tested, with what it holds. */
export interface SourceFixture {
  /** The same input every time; a new object where one serves for one opening only. */
  source(): Source<unknown>;
  /** What it holds: some 10 to 100 rows. */
  readonly rows: readonly unknown[];
  /** Given to the source when it is opened. Default: none. */
  readonly fileSystem?: FileSystem;
  /** The same kind of input with its last rows missing. */
  shorter(): Promise<Source<unknown>>;
}

interface Seen {
  readonly rows: readonly unknown[];
  readonly position: SourcePosition;
}

export function contextOf(fileSystem?: FileSystem): OpenContext {
  const sessionId = '00000000-0000-4000-8000-000000000000';
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
 * @param makeFixture called anew in every test.
 * @param runner `{ describe, it }` of your test runner; its globals unless told.
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
    it('all rows come, in order, malformed ones in their place', async () => {
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

    it('reopened at any position it gives the rest, cut into the same batches', async () => {
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

    it('how much is done grows up to the total, and positions are small', async () => {
      const fixture = await makeFixture();
      const source = await open(fixture);
      let done = 0;
      for (;;) {
        const batch = await source.read(7, 1_000_000);
        if (batch === undefined) break;
        ok(batch.done > done);
        done = batch.done;
        ok(JSON.stringify(batch.position).length < 300);
      }
      if (source.total !== undefined) ok(done <= source.total.value);
      await source.close();
    });

    it('its identity at a position does not depend on the opening', async () => {
      const fixture = await makeFixture();
      const source = await open(fixture);
      const seen = await readAll(source, 5);
      for (const { position } of seen) {
        const other = await open(fixture, position);
        const identity = await source.identity(position);
        same(await other.identity(position), identity);
        ok(JSON.stringify(identity ?? null).length < 1000);
        await other.close();
      }
      await source.close();
    });

    it('input that ends before the position is refused', async () => {
      const fixture = await makeFixture();
      const source = await open(fixture);
      const last = (await readAll(source)).at(-1) as Seen;
      await source.close();
      const shorter = await fixture.shorter();
      await refuses(shorter.open(last.position, contextOf(fixture.fileSystem)), 'PIPELINE_MISMATCH');
    });

    it('a position of something else is refused', async () => {
      const fixture = await makeFixture();
      for (const at of [{}, { rows: -1, bytes: 0, lines: 0 }, { rows: '1', bytes: '1', lines: '1' }]) {
        await refuses(open(fixture, at), 'PIPELINE_MISMATCH');
      }
    });

    it('it may be closed at any time, twice, and gives nothing then', async () => {
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
