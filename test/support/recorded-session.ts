/**
 * A recording of a real run for the inspector: three stages, of which one waits and fails at times; a pause; a killed
 * process; a resume the next day; the end.
 *
 * The recording has its own clock, which advances at each reading: a run of a second appears as one of minutes.
 */
import {
  collect,
  defineStage,
  map,
  memoryStorage,
  PipelineExecutor,
  rows,
  StateManager,
  seededRandom,
  silentLogger,
} from 'xstate-pipeline';
import { RecordingReader } from '../../src/recording/reader.js';
import { Recorder } from '../../src/recording/recorder.js';

export const RECORDED_SESSION = '7c1e52aa-5d0f-4c7e-9a51-0d4b7f6f2c11';
const BEGINNING = Date.UTC(2026, 2, 4, 9, 12, 30);
const HOUR = 3_600_000;

export interface SessionOptions {
  readonly batches: number;
  /** Of the clock, for each record. Default 18. */
  readonly stepMs?: number;
  /** What the middle stage does with its last batch. Default: it succeeds. */
  readonly failsAtLast?: boolean;
}

interface Row {
  readonly n: number;
}

/** JSON Lines. */
export async function recordedSession({
  batches,
  stepMs = 18,
  failsAtLast = false,
}: SessionOptions): Promise<string> {
  const random = seededRandom(11);
  const storage = memoryStorage();
  let time = BEGINNING;
  const now = () => (time += random() * 2 * stepMs);
  const stages = () => [
    map('normalise', (row: Row) => row),
    defineStage<Row, Row>({
      name: 'classify',
      version: '1',
      durable: true,
      concurrency: 4,
      retry: { attempts: 4, initialDelayMs: 1, maxDelayMs: 2, factor: 1, jitter: false },
      process: async (batch, { batch: { index }, attempt }) => {
        await new Promise((resolve) => setTimeout(resolve, random() * 3));
        if (failsAtLast && index === batches - 1) throw new Error('the service is gone for good');
        if (index % 11 === 7 && attempt < 3) throw new Error('503 from the classification service');
        return batch;
      },
    }),
    defineStage<Row, Row>({
      name: 'score',
      version: '1',
      onError: 'skip',
      process: (batch) => batch.filter(({ n }) => n % 7 > 0),
    }),
  ];
  const sink = collect<Row>();
  const input = {
    name: 'reviews',
    source: rows(Array.from({ length: batches * 50 }, (_, n) => ({ n }))),
    sink,
    options: { batchSize: 50, maxInFlight: 12 },
  };
  const open = () =>
    new PipelineExecutor<Row>(stages(), new StateManager(storage, { checkpointInterval: 400 }), [], {
      logger: silentLogger,
    });

  let text = '';
  let isDead = false;
  let records = 0;
  const record = (executor: PipelineExecutor<Row>, pid: number, resumed: boolean) => {
    const recorder = new Recorder(executor.actor, {
      sink: {
        write: (lines) => {
          if (isDead) return;
          text += lines;
          records += lines.split('\n').length - 1;
        },
      },
      now,
      sessionId: executor.sessionId || RECORDED_SESSION,
      pipeline: 'reviews',
      stages: ['normalise', 'classify', 'score'],
      pid,
      first: records,
      resumed,
    });
    executor.addObserver({ next: (event) => recorder.event(event) });
    return recorder;
  };
  const reaches = (executor: PipelineExecutor<Row>, batch: number) =>
    new Promise<void>((resolve) => {
      executor.addObserver({
        next: (event) => {
          if (event.type === 'batch.completed' && event.stage === 'score' && event.batch >= batch) resolve();
        },
      });
    });

  const first = open();
  const endOfFirst = reaches(first, Math.floor(batches * 0.3));
  record(first, 4711, false);
  first.execute(input).catch(() => {});
  await endOfFirst;
  await first.pause();
  time += 2 * HOUR;
  const killed = reaches(first, Math.floor(batches * 0.6));
  first.resume().catch(() => {});
  await killed;
  isDead = true;
  await first.cancel();

  time += 20 * HOUR;
  isDead = false;
  const second = open();
  let recorder: Recorder | undefined;
  // The actor of a stored session is there when it has been read.
  second.addObserver({
    next: () => {
      recorder ??= record(second, 5150, true);
    },
  });
  await second.resume(first.sessionId, input).catch(() => {});
  recorder?.end('the run ended');
  return text;
}

export function readerOver(text: string): RecordingReader {
  const reader = new RecordingReader();
  reader.append(new TextEncoder().encode(text));
  return reader;
}

/** The same recording over and over, in whole segments that follow one another: `records` in all, or a few more. */
export function* repeated(text: string, records: number): Generator<Uint8Array> {
  const parts = text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, kind = '', at = '', rest = ''] = /^\{"k":"(.)","n":\d+,"t":(\d+),(.*)$/.exec(line) ?? [];
      return { head: `{"k":"${kind}","n":`, at: Number(at), rest: `,${rest}\n` };
    });
  const span = (parts[parts.length - 1]?.at ?? 0) - (parts[0]?.at ?? 0) + 1;
  for (let n = 0, round = 0; n < records; round++) {
    let chunk = '';
    for (const { head, at, rest } of parts) chunk += `${head}${n++},"t":${at + round * span}${rest}`;
    yield new TextEncoder().encode(chunk);
  }
}
