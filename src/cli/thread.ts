/**
 * The program of a worker thread: imports the pipeline file, and runs batches through the fused stages at its head. It keeps
 * no state between batches. Its messages carry bytes and counters.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { InvalidOptionError, StageError } from '../errors.js';
import { definePipeline } from '../executor/definition.js';
import { FusionPlan } from '../executor/fusion/fusion-plan.js';
import { linesEncoder, linesOf } from '../executor/fusion/output-lines.js';
import { runFusedBatch } from '../executor/fusion/run-fused-batch.js';
import { serializeError } from '../executor/fusion/serialized-error.js';
import {
  serializeAnswer,
  serializeCounters,
  serializeMalformed,
  type ThreadJob,
  type ThreadResult,
} from '../executor/fusion/thread-job.js';
import { markThread, type ThreadPipeline } from '../executor/fusion/thread-marker.js';
import type { ThreadData, ThreadMessage } from '../executor/fusion/thread-pool.js';
import { consoleLogger } from '../platform/logger.js';
import { hashOfRawRows } from '../sources/rows-hash.js';
import { idempotencyKeyOf } from '../stages/idempotency-key.js';
import { stageFingerprints } from '../stages/pipeline-fingerprint.js';
import type { AnyStage, StageContext } from '../stages/stage.js';
import { loadPipelineFile } from './load-pipeline-file.js';

function refuseSpending(): never {
  throw new StageError(
    'context.spend() cannot be used in a worker thread. Make the function of the stage asynchronous.',
  );
}

const post = (message: ThreadMessage, transfer: ArrayBuffer[] = []) =>
  parentPort?.postMessage(message, transfer);

const { file, fingerprints, arguments: fileArguments } = workerData as ThreadData;

const isOwn = ({ stages }: ThreadPipeline) => stageFingerprints(stages).join() === fingerprints.join();
// Before the file is loaded: it may call run().
const given = markThread(isOwn);

try {
  const loaded = loadPipelineFile(file, fileArguments).then(({ pipeline }) => pipeline);
  const pipeline = await Promise.race([loaded, given]);
  const { stages } = pipeline;
  if (!isOwn(pipeline))
    throw new InvalidOptionError(
      `workers: ${file} does not export the pipeline that is run. Give the file whose default export it is.`,
    );
  const { source, sink } = definePipeline(pipeline, stages);
  await source.prepareRaw?.();
  const plan = new FusionPlan(stages);
  const { signal } = new AbortController();
  const encode = linesEncoder(sink.label);

  const runJob = async (job: ThreadJob): Promise<ThreadResult> => {
    const fused = plan.fusedStagesAt(job.first);
    const { decodeRaw } = source;
    if (fused === undefined || decodeRaw === undefined) return { kind: 'not-fused' };
    const { rowOffset, batch, attempt, sessionId, first } = job;
    const inputHash = hashOfRawRows(job.raw);
    const keyOf = (place: number) =>
      idempotencyKeyOf(sessionId, (stages[first + place] as AnyStage).name, batch, inputHash);
    const result = runFusedBatch({
      fused,
      decode: (row, malformed) => decodeRaw(job.raw, row, malformed),
      contextOf: (place): StageContext => ({
        batch: { index: batch, rowOffset, ...(job.raw.file && { file: job.raw.file }) },
        ...{ attempt, signal, idempotencyKey: keyOf(place), logger: consoleLogger, spend: refuseSpending },
      }),
      encode,
    });
    const { counters, malformed, firstAnswer, out } = result;
    if (firstAnswer !== undefined) plan.invalidate();
    const encoded = 'encoded' in out ? out.encoded : counters.length === 0 ? [] : [encode(out.rows, 0)];
    const { lines, count: rows } = linesOf(encoded);
    return {
      ...{ kind: 'processed', lines, rows },
      counters: counters.map(serializeCounters),
      malformed: malformed.map(serializeMalformed),
      firstAnswer: firstAnswer === undefined ? undefined : await serializeAnswer(firstAnswer),
    };
  };

  parentPort?.on('message', ({ id, job }: { id: number; job: ThreadJob }) => {
    runJob(job)
      .catch((error: unknown): ThreadResult => ({ kind: 'failed', error: serializeError(error) }))
      .then((result) => {
        const lines = result.kind === 'processed' ? [result.lines.buffer as ArrayBuffer] : [];
        post({ type: 'result', id, result }, lines);
      });
  });
  post({ type: 'ready' });
} catch (error) {
  post({ type: 'unfit', error: serializeError(error) });
}
