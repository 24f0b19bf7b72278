/** `run <file>`: a new session. */
import { isUnfinished, type SoundSummary } from '../../checkpoint/checkpoint-summary.js';
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { definePipeline } from '../../executor/definition.js';
import { checkWorkers, type WorkerOptions } from '../../executor/fusion/workers.js';
import type { Pipeline } from '../../executor/pipeline.js';
import { PipelineExecutor } from '../../executor/pipeline-executor.js';
import { counted, printable } from '../../observers/progress/terminal-text.js';
import { sessionCommand } from '../../sessions/invocation.js';
import { outputsOf, refuseSharedOutput } from '../../sessions/output-owner.js';
import { ownerOf } from '../../sessions/owner.js';
import { storedMark } from '../../sessions/stored-metrics.js';
import type { RunViewer } from '../inspectors/live-inspector.js';
import { loadPipelineFile } from '../load-pipeline-file.js';
import { ago } from '../output/durations.js';
import type { Places } from '../output/summary.js';
import type { Terminal } from '../output/terminal.js';
import { runSession, type SessionOptions } from '../run-session.js';
import { stopsBeforeSession } from '../stops-before-session.js';

export interface RunCommandOptions {
  readonly stateDir: string;
  /** Rows. */
  readonly checkpointInterval?: number;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Into the session's directory. */
  readonly record: boolean;
  /** Who watches it; begun already. */
  readonly viewer: RunViewer | undefined;
  /** Worker threads. */
  readonly threads?: number;
}

/** @returns the exit code. */
export async function run(given: string, options: RunCommandOptions, terminal: Terminal): Promise<number> {
  const { stateDir, checkpointInterval, json, quiet, verbose, record, viewer } = options;
  const stops = stopsBeforeSession(terminal, verbose);
  if (json) terminal.reserveForJson();
  const { file, pipeline } = await loadPipelineFile(given);
  const stateManager = new StateManager(lowdbStorage(stateDir));
  const settings = checkpointInterval === undefined ? {} : { checkpointInterval };
  const whole = { ...pipeline, options: { ...pipeline.options, ...settings } };
  const unfinished = (await stateManager.listCheckpoints()).filter(isUnfinished);
  await refuseSharedOutput(outputsOf(pipeline), unfinished, stateDir);
  const session: SessionOptions = {
    ...{ terminal, stops, stateManager, stateDir, json, quiet, verbose, record, viewer },
    name: pipeline.name,
    places: placesOf(pipeline),
    notices: await noticesOf(pipeline.name, unfinished, stateDir),
    executor: (logger) =>
      new PipelineExecutor(pipeline.stages, stateManager, [], {
        logger,
        pipelineFile: file,
        ...workersOf(options.threads, file),
      }),
    start: (executor) => executor.execute(whole),
  };
  return runSession(session);
}

/** @throws {InvalidOptionError} */
export function workersOf(threads: number | undefined, file: string): { readonly workers?: WorkerOptions } {
  return threads === undefined ? {} : { workers: checkWorkers({ count: threads, file }) };
}

/** Where rows will be found. */
export function placesOf(pipeline: Pipeline<unknown>): Places {
  const { sink, deadLetter } = definePipeline(pipeline, pipeline.stages);
  return { output: sink.label, deadLetters: deadLetter?.label };
}

/** Another session of the same pipeline that is not finished is not to be forgotten, nor disturbed. */
async function noticesOf(
  name: string,
  unfinished: readonly SoundSummary[],
  stateDir: string,
): Promise<string[]> {
  const others = unfinished.filter(({ pipeline }) => pipeline === name);
  const [newest] = others;
  if (newest === undefined) return [];
  const { sessionId, checkpoint, savedAt } = newest;
  const owner = await ownerOf(stateDir, sessionId);
  if (owner !== undefined) {
    const by = owner.pid === undefined ? 'another process' : `process ${owner.pid}`;
    return [`Session ${sessionId} of ${printable(name)} is being run by ${by} at this moment.`];
  }
  const rows = counted(storedMark(checkpoint)?.rowsIn ?? 0, 'row');
  const more = others.length > 1 ? ` (${counted(others.length, 'such session')} in all)` : '';
  const command = sessionCommand('resume', sessionId, stateDir);
  return [
    `An unfinished session of ${printable(name)} is stored, ${rows} in, saved ${ago(savedAt, Date.now())}${more}. To go on with it instead: ${command}`,
  ];
}
