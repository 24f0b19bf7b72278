/**
 * What every sink promises, run against each implementation, including yours.
 *
 * 1. (I7) Reopened at a position that it gave, it ends up as if it had never been interrupted; what was beyond the position
 *    is truncated. If what was written is gone, it says so.
 * 2. (I6) The position of a flush covers the rows that were appended before the call, and no others.
 * 3. (I19) Nothing is at the target before it is published; `publish` may be called again, after a crash too, without
 *    effect.
 * 4. A fresh start leaves what an unfinished session wrote, so that it can still be resumed (a sink in memory begins again),
 *    and leaves an earlier result until the new one is complete.
 * 5. `encode` is pure: batches, and the order in which they are encoded, do not change the result.
 * 6. `close` may be called at any time, and twice, and publishes nothing; nothing can be written after it.
 * Refusals are a `SinkError`, or a `PipelineMismatchError` for a position that does not fit.
 */
import type { OpenSink, SinkPosition } from '../../sinks/sink.js';
import { is, ok, refuses, same } from './check.js';
import { runnerOf, type TestRunner } from './runner.js';
import type { SinkFixture } from './sink-fixture.js';
import { contextOf } from './source.js';

export type { SinkFixture };

const OTHER_SESSION = '00000000-0000-4000-8000-000000000001';

/** Declares the tests of a sink.
 * @param makeFixture called in every test; gives an empty place.
 * @param runner `{ describe, it }` of your test runner. Default: its globals.
 * @example
 * sinkContract('my sink', async () => myFixture(), { describe, it });
 */
export function sinkContract(
  name: string,
  makeFixture: () => Promise<SinkFixture>,
  runner?: TestRunner,
): void {
  const { describe, it } = runnerOf(runner);
  const open = (fixture: SinkFixture, at?: SinkPosition, complete = false) =>
    fixture.sink.open(at, complete, contextOf(fixture.fileSystem));

  async function write(sink: OpenSink<unknown>, rows: readonly unknown[], batch = 3): Promise<void> {
    for (let i = 0; i < rows.length; i += batch) await sink.append([sink.encode(rows.slice(i, i + batch))]);
  }

  const stored = (position: SinkPosition): SinkPosition => JSON.parse(JSON.stringify(position));

  async function finish(sink: OpenSink<unknown>): Promise<SinkPosition> {
    const position = stored(await sink.flush());
    await sink.publish();
    await sink.close();
    return position;
  }

  async function uninterrupted(): Promise<unknown> {
    const fixture = await makeFixture();
    const sink = await open(fixture);
    await write(sink, fixture.rows);
    await finish(sink);
    return await fixture.target();
  }

  describe(`${name} keeps the contract of a sink`, () => {
    it('publishes what was written, and reads it back', async () => {
      const fixture = await makeFixture();
      const sink = await open(fixture);
      await write(sink, fixture.rows);
      await finish(sink);
      same(await fixture.target(), await uninterrupted());
      const rows: unknown[] = [];
      for await (const row of fixture.sink.read(contextOf(fixture.fileSystem))) rows.push(row);
      same(rows, fixture.readBack);
    });

    it('gives the same result if interrupted anywhere, with more written than flushed (I7)', async () => {
      const golden = await uninterrupted();
      const { rows } = await makeFixture();
      for (let flushed = 0; flushed <= rows.length; flushed++) {
        const fixture = await makeFixture();
        const first = await open(fixture);
        await write(first, rows.slice(0, flushed));
        const position = stored(await first.flush());
        ok(JSON.stringify(position).length <= 700);
        await write(first, rows.slice(flushed).toReversed());
        if (flushed % 2 === 0) await first.flush();
        await first.close();

        const second = await open(fixture, position);
        same(second.position, position);
        await write(second, rows.slice(flushed));
        await finish(second);
        same(await fixture.target(), golden);
      }
    });

    it('gives a flush the position at its call, with rows appended meanwhile (I6)', async () => {
      const golden = await uninterrupted();
      for (const flushed of [0, 4]) {
        const fixture = await makeFixture();
        const { rows } = fixture;
        const first = await open(fixture);
        await write(first, rows.slice(0, flushed));
        const flushing = first.flush();
        const appending = first.append([first.encode(rows.slice(flushed))]);
        const position = stored(await flushing);
        await appending;
        await first.flush();
        await first.close();
        const second = await open(fixture, position);
        await write(second, rows.slice(flushed));
        await finish(second);
        same(await fixture.target(), golden);
      }
    });

    it('gives the same result whatever the batches and the order of encoding', async () => {
      const golden = await uninterrupted();
      for (const size of [1, 2, 1000]) {
        const fixture = await makeFixture();
        const sink = await open(fixture);
        const batches: (readonly unknown[])[] = [[]];
        for (let i = 0; i < fixture.rows.length; i += size) batches.push(fixture.rows.slice(i, i + size));
        const encoded = batches.toReversed().map((batch) => sink.encode(batch));
        same(
          encoded.map(({ rows }) => rows),
          batches.toReversed().map((batch) => batch.length),
        );
        await sink.append(encoded.toReversed());
        await finish(sink);
        same(await fixture.target(), golden);
      }
    });

    it('leaves the target alone until it publishes; closing does not publish (I19)', async () => {
      const fixture = await makeFixture();
      const sink = await open(fixture);
      await write(sink, fixture.rows);
      await sink.flush();
      is(await fixture.target(), undefined);
      await sink.close();
      await sink.close();
      is(await fixture.target(), undefined);
      await refuses(sink.append([]), 'SINK');
      await refuses(sink.flush(), 'SINK');
      await refuses(sink.publish(), 'SINK');
    });

    it('publishes again without effect, in the same opening and in a later one', async () => {
      const fixture = await makeFixture();
      const sink = await open(fixture);
      await write(sink, fixture.rows);
      await sink.flush();
      await sink.publish();
      const position = await finish(sink);
      const golden = await fixture.target();
      for (let i = 0; i < 2; i++) {
        const again = await open(fixture, position, true);
        same(again.position, position);
        await finish(again);
        same(await fixture.target(), golden);
      }
    });

    it('publishes in a later opening what was complete and not published', async () => {
      const fixture = await makeFixture();
      const sink = await open(fixture);
      await write(sink, fixture.rows);
      const position = stored(await sink.flush());
      await sink.close();
      await finish(await open(fixture, position, true));
      same(await fixture.target(), await uninterrupted());
    });

    it('keeps an unfinished session beside a fresh start; both can be finished', async () => {
      const fixture = await makeFixture();
      if (!fixture.sideBySide) return;
      const first = await open(fixture);
      await write(first, fixture.rows.slice(0, 4));
      const position = stored(await first.flush());
      await first.close();
      const another = contextOf(fixture.fileSystem, fixture.bySession === true ? OTHER_SESSION : undefined);
      const second = await fixture.sink.open(undefined, false, another);
      await write(second, fixture.rows);
      await finish(second);
      same(await fixture.target(), await uninterrupted());
      const resumed = await open(fixture, position);
      await write(resumed, fixture.rows.slice(4));
      await finish(resumed);
      same(await fixture.target(), await uninterrupted());
    });

    it('publishes no row of an earlier opening after a fresh start', async () => {
      const fixture = await makeFixture();
      const first = await open(fixture);
      await write(first, fixture.rows.toReversed());
      await first.flush();
      await first.close();
      const second = await open(fixture);
      await write(second, fixture.rows);
      await finish(second);
      same(await fixture.target(), await uninterrupted());
    });

    it('refuses to publish an opening that a fresh start has replaced', async () => {
      const fixture = await makeFixture();
      if (fixture.sideBySide) return;
      const old = await open(fixture);
      await write(old, fixture.rows.toReversed());
      await old.flush();
      if (fixture.holdsSession === true) {
        await refuses(open(fixture), 'SESSION_LOCKED');
        await old.close();
        return;
      }
      const sink = await open(fixture);
      await write(sink, fixture.rows);
      await old.append([old.encode(fixture.rows)]);
      await refuses(old.publish(), 'SINK', 'SESSION_LOCKED');
      await old.close();
      await finish(sink);
      same(await fixture.target(), await uninterrupted());
    });

    it('discards what a session wrote and did not publish, and nothing else', async () => {
      const fixture = await makeFixture();
      const context = contextOf(fixture.fileSystem);
      if (fixture.sink.discard === undefined) return;
      const sink = await open(fixture);
      await write(sink, fixture.rows);
      await finish(sink);
      const published = await fixture.target();
      const unfinished = await open(fixture);
      await write(unfinished, fixture.rows.slice(0, 4));
      const position = stored(await unfinished.flush());
      await unfinished.close();
      await fixture.sink.discard(position, context);
      await fixture.sink.discard(position, context);
      same(await fixture.target(), published);
      await refuses(open(fixture, position), 'PIPELINE_MISMATCH');
    });

    it('compares what it wrote with a position, and says what is gone', async () => {
      const fixture = await makeFixture();
      const context = contextOf(fixture.fileSystem);
      const compare = (at: SinkPosition, depth: 'end' | 'all') =>
        fixture.sink.compare?.(at, depth, context) ?? Promise.resolve(undefined);
      let at: SinkPosition | undefined;
      for (let i = 0; i < fixture.rows.length; i += 7) {
        const sink = await open(fixture, at);
        await write(sink, fixture.rows.slice(i, i + 7));
        at = stored(await sink.flush());
        // Beyond the position: not compared.
        await write(sink, fixture.rows.slice(0, 1));
        await sink.close();
        for (const depth of ['end', 'all'] as const) is(await compare(at, depth), undefined);
      }
      await fixture.loseUnpublished();
      if (fixture.sink.compare === undefined || at === undefined) return;
      for (const depth of ['end', 'all'] as const) ok((await compare(at, depth)) !== undefined);
    });

    it('notices that what it had written is gone', async () => {
      const fixture = await makeFixture();
      const sink = await open(fixture);
      await write(sink, fixture.rows);
      const position = stored(await sink.flush());
      await sink.close();
      await fixture.loseUnpublished();
      await refuses(open(fixture, position), 'PIPELINE_MISMATCH');
      await refuses(open(fixture, position, true), 'PIPELINE_MISMATCH');
    });

    it('refuses the position of another sink', async () => {
      const fixture = await makeFixture();
      await (await open(fixture)).close();
      for (const at of [{}, { bytes: -1, tail: '', rows: -1 }, { bytes: '1', tail: 1, rows: '1' }]) {
        await refuses(open(fixture, at), 'PIPELINE_MISMATCH');
      }
    });

    it('publishes a result without rows', async () => {
      const fixture = await makeFixture();
      await finish(await open(fixture));
      ok((await fixture.target()) !== undefined);
      const rows: unknown[] = [];
      for await (const row of fixture.sink.read(contextOf(fixture.fileSystem))) rows.push(row);
      same(rows, []);
    });

    it('has a sink beside it for failed rows', async () => {
      const fixture = await makeFixture();
      const beside = fixture.sink.deadLetters?.();
      const sink = await beside?.open(undefined, false, contextOf(fixture.fileSystem));
      await sink?.append([sink.encode([{ row: 1 }])]);
      await sink?.flush();
      await sink?.publish();
      await sink?.close();
      ok(beside?.label !== undefined);
      is(await fixture.target(), undefined);
    });

    it('names itself', async () => {
      const { sink } = await makeFixture();
      ok(sink.label !== '');
      const description = sink.describe();
      if (description !== undefined) is(JSON.parse(JSON.stringify(description)).kind, sink.kind);
    });
  });
}
