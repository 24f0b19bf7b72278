/**
 * What a worker thread of a run does: imports the pipeline file, and takes batches through the stages that share a pass.
 * It holds nothing between two batches; what it is given and what it answers are bytes and figures.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { InvalidOptionError, messageOf } from '../errors.js';
import { definePipeline } from '../executor/definition.js';
import { FusionPlan } from '../executor/fusion/fusion-plan.js';
import { linesEncoder, linesOf } from '../executor/fusion/output-lines.js';
import { type FusedBatchResult, runFusedBatch } from '../executor/fusion/run-fused-batch.js';
import { serializeError, type ThreadJob, type ThreadResult } from '../executor/fusion/thread-job.js';
import type { ThreadData, ThreadMessage } from '../executor/fusion/thread-pool.js';
import { consoleLogger } from '../platform/logger.js';
import { idempotencyKeyOf } from '../stages/idempotency-key.js';
import { stageFingerprints } from '../stages/pipeline-fingerprint.js';
import type { AnyStage, StageContext } from '../stages/stage.js';
import { loadPipelineFile } from './load-pipeline-file.js';

const post = (message: ThreadMessage, transfer: ArrayBuffer[] = []) =>
  parentPort?.postMessage(message, transfer);

const { file, fingerprints } = workerData as ThreadData;

try {
  const { pipeline } = await loadPipelineFile(file);
  const { stages } = pipeline;
  if (stageFingerprints(stages).join() !== fingerprints.join())
    throw new InvalidOptionError(
      `workers: ${file} does not export the pipeline that is run; give the file whose default export it is.`,
    );
  const { source, sink } = definePipeline(pipeline, stages);
  const plan = new FusionPlan(stages);
  const { signal } = new AbortController();

  const encode = linesEncoder(sink.label);

  const runJob = (job: ThreadJob): ThreadResult => {
    const fused = plan.fusedStagesAt(job.first);
    const { decodeRaw } = source;
    if (fused === undefined || decodeRaw === undefined) return { kind: 'bailed', stage: job.first };
    const { rowOffset, batch, attempt, sessionId } = job;
    let passed: FusedBatchResult;
    try {
      passed = runFusedBatch({
        fused,
        decode: (row, malformed) => decodeRaw(job.raw, row, malformed),
        contextOf: (place): StageContext => ({
          batch: { index: batch, rowOffset },
          attempt,
          signal,
          idempotencyKey: idempotencyKeyOf(sessionId, (stages[job.first + place] as AnyStage).name, batch),
          logger: consoleLogger,
        }),
        encode,
      });
    } catch (error) {
      return { kind: 'unwritable', message: messageOf(error) };
    }
    if (passed.isAsynchronous) {
      plan.invalidate();
      return { kind: 'bailed', stage: job.first + passed.parts.length };
    }
    const parts = passed.parts.map(({ rowsIn, rowsOut, failures }) => ({
      rowsIn,
      rowsOut,
      failures: failures.map(({ index, row, error }) => ({
        index,
        row: textOf(row),
        error: serializeError(error),
      })),
    }));
    const malformed = passed.malformed.map(({ file, line, byte, what, row, text }) => ({
      ...{ file, line, byte, what, row, text },
    }));
    const { lines, count: rows } = linesOf('encoded' in passed.out ? passed.out.encoded : []);
    return { kind: 'passed', lines, rows, parts, malformed };
  };

  parentPort?.on('message', ({ id, job }: { id: number; job: ThreadJob }) => {
    const answer = runJob(job);
    post(
      { type: 'answer', id, answer },
      answer.kind === 'passed' ? [answer.lines.buffer as ArrayBuffer] : [],
    );
  });
  post({ type: 'ready' });
} catch (error) {
  post({ type: 'unfit', error: serializeError(error) });
}

function textOf(row: unknown): string | undefined {
  try {
    return JSON.stringify(row);
  } catch {
    return undefined;
  }
}
