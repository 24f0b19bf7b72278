/**
 * Several sinks as one: each gets every row.
 *
 * 1. There is one position, `{ sinks }`, with the position of each. A commit covers all of them (I6), and a reopening cuts each back to
 *    the same row (I7).
 * 2. They are published one after the other, in their order. A process that is killed in between leaves some of them published; the next
 *    one publishes the rest and appends nothing.
 * 3. A failure of one fails the call, once all of them have settled.
 * 4. Rows are read back from the first that can.
 */
import { InvalidOptionError, PipelineMismatchError, SinkError } from '../errors.js';
import { isObject, type JsonObject } from '../formats/json.js';
import type { OpenContext } from '../platform/open-context.js';
import { filesOf } from './files-of.js';
import type { EncodedRows, OpenSink, ReadableSink, Sink, SinkPosition } from './sink.js';

/** A position keeps that of each. */
const MAX_SINKS = 5;

/** @throws {InvalidOptionError} for fewer than two sinks, and for two of one target. */
export function teeSink<T>(sinks: readonly Sink<T>[]): ReadableSink<T> {
  if (sinks.length < 2 || sinks.length > MAX_SINKS)
    throw new InvalidOptionError(`tee() takes 2 to ${MAX_SINKS} sinks; it got ${sinks.length}.`);
  assertDistinctTargets(sinks);
  const withDeadLetters = sinks.find(({ deadLetters }) => deadLetters !== undefined);
  const all = async (work: (sink: Sink<T>, index: number) => Promise<unknown> | undefined) => {
    await settleAll(sinks.map(work));
  };
  return {
    kind: 'tee',
    label: sinks.map(({ label }) => label).join(' and '),
    files: sinks.flatMap(filesOf),
    mayWrite: (path) => sinks.some((sink) => sink.mayWrite?.(path) === true),
    appends: sinks.some(({ appends }) => appends === true),
    describe: () => undefined,
    open: (at, complete, context) => openAll(sinks, at, complete, context),
    ...(withDeadLetters && { deadLetters: () => (withDeadLetters as Required<Sink<T>>).deadLetters() }),
    discard: (at, context) =>
      all((sink, i) => sink.discard?.(at === undefined ? undefined : placesIn(at)[i], context)),
    async compare(at, depth, context) {
      const places = positionsOf(at, sinks.length);
      const compared = sinks.map((sink, i) => sink.compare?.(places[i] as SinkPosition, depth, context));
      const differences = (await settleAll(compared)).filter((difference) => difference !== undefined);
      return differences.length === 0 ? undefined : differences.join('; ');
    },
    async isPublished(at, context) {
      const places = positionsOf(at, sinks.length);
      const published = sinks.map((sink, i) => sink.isPublished?.(places[i] as SinkPosition, context));
      return (await settleAll(published)).includes(true);
    },
    removePublished: (context) => all((sink) => sink.removePublished?.(context)),
    read(context) {
      const readable = sinks.find((sink): sink is ReadableSink<T> => 'read' in sink);
      if (readable !== undefined) return readable.read(context);
      throw new SinkError('tee(): none of its sinks can be read back.');
    },
  };
}

function assertDistinctTargets(sinks: readonly Sink<never>[]): void {
  for (const [i, sink] of sinks.entries())
    for (const other of sinks.slice(0, i)) {
      const shared = filesOf(sink).find((file) => filesOf(other).includes(file));
      const isSame =
        sink === other ||
        shared !== undefined ||
        (sink.target !== undefined &&
          sink.target.within === other.target?.within &&
          sink.target.name === other.target.name);
      if (isSame)
        throw new InvalidOptionError(
          `tee(): two of its sinks have the same target, ${shared ?? sink.label}. Give each its own.`,
        );
    }
}

async function openAll<T>(
  sinks: readonly Sink<T>[],
  at: SinkPosition | undefined,
  complete: boolean,
  context: OpenContext,
): Promise<OpenSink<T>> {
  const places = at === undefined ? [] : positionsOf(at, sinks.length);
  const { notePosition, ...plain } = context;
  const opened: OpenSink<T>[] = [];
  try {
    for (const [i, sink] of sinks.entries()) {
      const before = opened.map(({ position }) => position);
      const note = notePosition && {
        notePosition: (position: JsonObject) => notePosition({ sinks: [...before, position] }),
      };
      opened.push(await sink.open(places[i], complete, { ...plain, ...note }));
    }
    return new OpenTee(opened);
  } catch (error) {
    await Promise.all(opened.map((sink) => sink.close()));
    throw error;
  }
}

/** Of those that were opened when it was noted. */
function placesIn({ sinks }: SinkPosition): readonly (SinkPosition | undefined)[] {
  return Array.isArray(sinks)
    ? sinks.map((place) => (isObject(place) ? (place as SinkPosition) : undefined))
    : [];
}

/** @throws {PipelineMismatchError} */
function positionsOf(at: SinkPosition, count: number): readonly SinkPosition[] {
  const places = placesIn(at);
  if (places.length === count && places.every((place) => place !== undefined)) return places;
  throw new PipelineMismatchError([`the stored position is not one of tee() with ${count} sinks`], false);
}

/** Waits for all of them. @throws what the first failure threw. */
async function settleAll<R>(running: readonly (R | Promise<R>)[]): Promise<R[]> {
  await Promise.allSettled(running);
  return Promise.all(running);
}

class OpenTee<T> implements OpenSink<T> {
  readonly encodeJsonLines?: (lines: Uint8Array, rows: number) => EncodedRows;

  constructor(private readonly sinks: readonly OpenSink<T>[]) {
    if (sinks.every((sink) => sink.encodeJsonLines !== undefined))
      this.encodeJsonLines = (lines, rows) =>
        joined(
          rows,
          sinks.map((sink) => (sink as Required<OpenSink<T>>).encodeJsonLines(lines, rows)),
        );
  }

  get position(): SinkPosition {
    return { sinks: this.sinks.map(({ position }) => position) };
  }

  encode(rows: readonly T[], firstIndex = 0): EncodedRows {
    return joined(
      rows.length,
      this.sinks.map((sink) => sink.encode(rows, firstIndex)),
    );
  }

  async append(encoded: readonly EncodedRows[]): Promise<void> {
    const partsOf = (i: number) =>
      encoded.map(({ data }) => (data as readonly EncodedRows[])[i] as EncodedRows);
    await settleAll(this.sinks.map((sink, i) => sink.append(partsOf(i))));
  }

  async flush(): Promise<SinkPosition> {
    return { sinks: await settleAll(this.sinks.map((sink) => sink.flush())) };
  }

  async publish(): Promise<void> {
    for (const sink of this.sinks) await sink.publish();
  }

  async close(): Promise<void> {
    await settleAll(this.sinks.map((sink) => sink.close()));
  }
}

function joined(rows: number, data: readonly EncodedRows[]): EncodedRows {
  return { rows, bytes: data.reduce((sum, { bytes }) => sum + bytes, 0), data };
}
