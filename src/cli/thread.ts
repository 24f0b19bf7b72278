/**
 * What a worker thread of a run does: imports the pipeline file, and takes batches through the stages that share a pass.
 * It holds nothing between two batches; what it is given and what it answers are bytes and figures.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { concatenated } from '../bytes.js';
import { InvalidOptionError, messageOf } from '../errors.js';
import { Chains } from '../executor/chains.js';
import { definePipeline } from '../executor/definition.js';
import { consoleLogger } from '../executor/environment.js';
import { stageFingerprints } from '../executor/fingerprints.js';
import {
  type PassAnswer,
  type PassJob,
  type SentMalformed,
  sentError,
} from '../executor/threads/pass-job.js';
import type { ThreadData, ThreadMessage } from '../executor/threads/thread-pool.js';
import { JsonLinesEncoder } from '../sinks/json-lines-encoder.js';
import { idempotencyKeyOf } from '../stages/idempotency-key.js';
import type { AnyStage, StageContext } from '../stages/stage.js';
import { loadPipelineFile } from './load-pipeline-file.js';

const say = (message: ThreadMessage, transfer: ArrayBuffer[] = []) =>
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
  const chains = new Chains(stages);
  const encoder = new JsonLinesEncoder(sink.label);
  const { signal } = new AbortController();

  const pass = (job: PassJob): PassAnswer => {
    const chain = chains.from(job.first);
    const malformed: SentMalformed[] = [];
    if (chain === undefined || source.decodeRaw === undefined) return { kind: 'bailed', stage: job.first };
    const { rowOffset, batch, attempt, sessionId } = job;
    const rows: unknown[] = [];
    source.decodeRaw(
      job.raw,
      (row) => rows.push(row),
      ({ file, line, byte, what }) => malformed.push({ file, line, byte, what }),
    );
    const passed = chain.run(
      rows,
      (place): StageContext => ({
        batch: { index: batch, rowOffset },
        attempt,
        signal,
        idempotencyKey: idempotencyKeyOf(sessionId, (stages[job.first + place] as AnyStage).name, batch),
        logger: consoleLogger,
      }),
    );
    if (passed.bailed) {
      chains.forget();
      return { kind: 'bailed', stage: job.first + (chains.from(job.first)?.length ?? 0) };
    }
    const parts = passed.stages.map(({ rowsIn, rowsOut, failures }) => ({
      rowsIn,
      rowsOut,
      failures: failures.map(({ index, row, error }) => ({
        index,
        row: textOf(row),
        error: sentError(error),
      })),
    }));
    const ended = passed.stages.some(
      ({ failures }, place) => failures.length > 0 && stages[job.first + place]?.onError === 'fail',
    );
    if (ended) return { kind: 'passed', lines: new Uint8Array(0), rows: 0, parts, malformed };
    try {
      const lines = concatenated(encoder.encode(passed.rows));
      return { kind: 'passed', lines, rows: passed.rows.length, parts, malformed };
    } catch (error) {
      return { kind: 'unwritable', message: messageOf(error) };
    }
  };

  parentPort?.on('message', ({ id, job }: { id: number; job: PassJob }) => {
    const answer = pass(job);
    say({ type: 'answer', id, answer }, answer.kind === 'passed' ? [answer.lines.buffer as ArrayBuffer] : []);
  });
  say({ type: 'ready' });
} catch (error) {
  say({ type: 'unfit', error: sentError(error) });
}

function textOf(row: unknown): string | undefined {
  try {
    return JSON.stringify(row);
  } catch {
    return undefined;
  }
}
