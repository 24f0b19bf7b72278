/**
 * Pins `openTelemetry()` with OpenTelemetry's own SDK in memory:
 *
 * 1. A run's span is the parent of its attempts' spans, and each attempt's span of the spans that are made inside the stage.
 * 2. All processes of a session write into one trace, whose id is in every event, in logs and in the progress.
 * 3. No span and no metric has a row or the message of an error.
 * 4. A tracing that fails changes nothing of the run (I11).
 */
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  collect,
  defineStage,
  memoryStorage,
  type PipelineEvent,
  PipelineExecutor,
  rows,
  StateManager,
  silentLogger,
} from 'xstate-pipeline';
import { logEvents } from 'xstate-pipeline/node';
import { openTelemetry, traceIdOf } from 'xstate-pipeline/otel';

const SECRET = 'the customer’s name';
let exporter: InMemorySpanExporter;
let provider: BasicTracerProvider;
let tracer: ReturnType<BasicTracerProvider['getTracer']>;

beforeEach(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  exporter = new InMemorySpanExporter();
  provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  tracer = provider.getTracer('test');
});
afterEach(() => {
  context.disable();
});

type Row = { n: number; secret: string };
const input = (count: number) => Array.from({ length: count }, (_, n): Row => ({ n, secret: SECRET }));

/** Its function makes a span of its own after a wait, as an instrumented `fetch` does. */
function calling(fails: (row: Row, attempt: number) => boolean = () => false) {
  return defineStage({
    name: 'call',
    concurrency: 2,
    retry: { attempts: 2, initialDelayMs: 1 },
    process: async (batch: Row[], { attempt }) => {
      await Promise.resolve();
      tracer.startSpan('GET', { attributes: { n: batch[0]?.n ?? -1 } }).end();
      if (batch.some((row) => fails(row, attempt)))
        throw Object.assign(new Error(SECRET), { code: 'E_CALL' });
      return batch;
    },
  });
}

const idOf = (span: ReadableSpan) => span.spanContext().spanId;
const parentOf = (span: ReadableSpan) => span.parentSpanContext?.spanId;
const named = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name);
const settings = { name: 'calls', sink: collect<Row>(), options: { batchSize: 1 } };

test('spans of a run, its attempts, and the calls inside a stage', async () => {
  const { observers, environment } = openTelemetry({ tracer, attributes: { team: 'data' } });
  const stateManager = new StateManager(memoryStorage());
  const executor = new PipelineExecutor(
    [calling(({ n }, attempt) => n === 2 && attempt === 1)],
    stateManager,
    observers,
    {
      ...environment,
      logger: silentLogger,
    },
  );
  const request = tracer.startSpan('request');
  const { sessionId } = await context.with(trace.setSpan(context.active(), request), () =>
    executor.execute({ ...settings, source: rows(input(4)) }),
  );
  const [run] = named('pipeline calls') as [ReadableSpan];
  expect(run.attributes).toMatchObject({
    ...{ team: 'data', 'xstate_pipeline.session.id': sessionId, 'xstate_pipeline.outcome': 'completed' },
  });
  expect(run.spanContext().traceId).toBe(sessionId.replaceAll('-', ''));
  expect(run.links.map((link) => link.context.spanId)).toEqual([request.spanContext().spanId]);
  const attempts = named('stage call');
  expect(attempts.map(parentOf)).toEqual(Array(5).fill(idOf(run)));
  expect(attempts.map(({ attributes }) => attributes['error.type']).filter(Boolean)).toEqual(['E_CALL']);
  const calls = named('GET');
  for (const call of calls) {
    const parent = attempts.find((attempt) => idOf(attempt) === parentOf(call));
    expect(parent?.attributes['xstate_pipeline.batch.index']).toBe(call.attributes.n);
  }
  expect(calls).toHaveLength(5);
  expect(
    JSON.stringify(
      exporter.getFinishedSpans().map(({ attributes, events, status }) => [attributes, events, status]),
    ),
  ).not.toContain(SECRET);
});

test('two processes of a session share a trace, and events, log lines and progress have its id', async () => {
  const storage = memoryStorage();
  const events: PipelineEvent[] = [];
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const executorOf = (isBroken: boolean) => {
    const { observers, environment } = openTelemetry({ tracer });
    return new PipelineExecutor(
      [calling(({ n }) => isBroken && n === 3)],
      new StateManager(storage),
      observers,
      {
        ...environment,
        logger: silentLogger,
      },
    ).addObserver(logEvents({ destination }));
  };
  const first = executorOf(true);
  const source = rows(input(5));
  await expect(first.execute({ ...settings, source })).rejects.toThrow(SECRET);
  first.actor.stop();
  const id = String(first.sessionId);
  const second = executorOf(false);
  second.addObserver({ next: (event) => void events.push(event) });
  let traceId: string | undefined;
  second.progress$.subscribe((progress) => {
    traceId = progress.traceId;
  });
  await second.resume(id, { source, sink: settings.sink });
  const runs = named('pipeline calls');
  expect(runs.map(({ attributes }) => attributes['xstate_pipeline.outcome'])).toEqual([
    'failed',
    'completed',
  ]);
  expect(new Set(exporter.getFinishedSpans().map((span) => span.spanContext().traceId))).toEqual(
    new Set([traceIdOf(id)]),
  );
  expect(new Set(events.map((event) => event.traceId))).toEqual(new Set([traceIdOf(id)]));
  expect(traceId).toBe(traceIdOf(id));
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(JSON.parse(line).traceId).toBe(traceIdOf(id));
});

test('metrics by stage, with units, and without rows and messages', async () => {
  const metricsExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({
    exporter: metricsExporter,
    exportIntervalMillis: 100_000_000,
  });
  const meter = new MeterProvider({ readers: [reader] }).getMeter('test');
  const { observers, environment } = openTelemetry({ tracer, meter });
  const executor = new PipelineExecutor(
    [calling(({ n }, attempt) => n === 1 && attempt === 1)],
    new StateManager(memoryStorage()),
    observers,
    { ...environment, logger: silentLogger },
  );
  await executor.execute({ ...settings, source: rows(input(3)) });
  await reader.forceFlush();
  const [resource] = metricsExporter.getMetrics();
  const found = new Map(
    resource?.scopeMetrics[0]?.metrics.map(({ descriptor, dataPoints }) => [
      descriptor.name,
      { descriptor, dataPoints },
    ]),
  );
  const point = (name: string) => found.get(`xstate_pipeline.${name}`)?.dataPoints[0];
  const stage = { 'xstate_pipeline.pipeline.name': 'calls', 'xstate_pipeline.stage.name': 'call' };
  expect(point('stage.rows_in')).toMatchObject({ value: 3, attributes: stage });
  expect(point('stage.retries')).toMatchObject({
    value: 1,
    attributes: { ...stage, 'error.type': 'E_CALL' },
  });
  expect(point('attempt.duration')).toMatchObject({ value: { count: 3 }, attributes: stage });
  expect(found.get('xstate_pipeline.attempt.duration')?.descriptor.unit).toBe('s');
  expect(point('runs')).toMatchObject({ value: 1, attributes: { 'xstate_pipeline.outcome': 'completed' } });
  expect(JSON.stringify([...found.values()])).not.toContain(SECRET);
  await reader.shutdown();
});

test.each([
  [
    'throws before',
    () => {
      throw new Error('broken');
    },
  ],
  [
    'throws after',
    (_: unknown, work: () => unknown) => {
      work();
      throw new Error('broken');
    },
  ],
  ['never calls the work', () => undefined],
  ['calls it twice', (_: unknown, work: () => unknown) => [work(), work()]],
  [
    'returns something else',
    (_: unknown, work: () => unknown) => {
      work();
      return 7;
    },
  ],
])('a tracing that %s changes nothing of the run', async (_, around) => {
  let calls = 0;
  const stage = defineStage({
    name: 'count',
    process: async (batch: Row[]) => {
      calls += 1;
      return batch;
    },
  });
  const sink = collect<Row>();
  const tracing = {
    around: around as never,
    traceIdOf: () => {
      throw new Error('no id');
    },
  };
  const executor = new PipelineExecutor([stage], new StateManager(memoryStorage()), [{ next: () => {} }], {
    tracing,
    logger: silentLogger,
  });
  await executor.execute({ ...settings, source: rows(input(3)), sink });
  expect(calls).toBe(3);
  expect(sink.rows).toEqual(input(3));
});
