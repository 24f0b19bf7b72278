/** `run <file>`: runs a pipeline file as a new session. */
import { isUnfinished, type SoundSummary } from '../../checkpoint/checkpoint-summary.js';
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { InvalidOptionError } from '../../errors.js';
import { definePipeline } from '../../executor/definition.js';
import { toSink, toSource } from '../../executor/endpoints/endpoints.js';
import { checkWorkers, type WorkerOptions } from '../../executor/fusion/workers.js';
import type { Pipeline } from '../../executor/pipeline.js';
import { PipelineExecutor } from '../../executor/pipeline-executor.js';
import { limitedBy } from '../../executor/run-pipeline.js';
import { counted, printable } from '../../observers/progress/terminal-text.js';
import { canResume } from '../../sessions/can-resume.js';
import { sessionCommand } from '../../sessions/invocation.js';
import { outputsOf, refuseSharedOutput } from '../../sessions/output-owner.js';
import { ownerOf } from '../../sessions/owner.js';
import { storedMark } from '../../sessions/stored-metrics.js';
import type { SessionBudget } from '../../spending/budget.js';
import type { RunViewer } from '../inspectors/live-inspector.js';
import { limitPipeline } from '../limit-pipeline.js';
import { loadPipelineFile } from '../load-pipeline-file.js';
import { ago } from '../output/durations.js';
import type { Places } from '../output/summary.js';
import type { Terminal } from '../output/terminal.js';
import { runSession } from '../run-session.js';
import { withStopRequests } from '../stop-requests.js';

export interface RunCommandOptions {
  readonly stateDir: string;
  /** Rows. */
  readonly checkpointInterval?: number;
  /** Rows. */
  readonly sample?: number;
  /** Rows that are run, into an output of their own. */
  readonly limit?: number;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Records into the session's directory. */
  readonly record: boolean;
  readonly otel: boolean;
  readonly viewer: RunViewer | undefined;
  /** Threads, including the main thread. */
  readonly threads?: number;
  readonly budget?: SessionBudget;
  /** For the function that the pipeline file exports. Of a resume: none, or those that the session began with. */
  readonly fileArguments: readonly string[];
}

/** @returns the exit code. */
export async function run(given: string, options: RunCommandOptions, terminal: Terminal): Promise<number> {
  const { stateDir, checkpointInterval, json, verbose, fileArguments } = options;
  if (json) terminal.reserveForJson();
  return withStopRequests({ terminal, verbose }, async (stops) => {
    const { file, pipeline: loaded } = await loadPipelineFile(given, fileArguments);
    const { pipeline, notices } = limitPipeline(limitedBy(options, loaded), options.limit);
    const piped = pipedNotices(pipeline);
    if (toSink(pipeline.sink).kind === 'stdout') {
      if (json)
        throw new InvalidOptionError(
          "--json and jsonl('-') both write standard output. Leave out --json, or write the rows to a file.",
        );
      terminal.reserveForRows();
    }
    const stateManager = new StateManager(lowdbStorage(stateDir));
    const settings = {
      ...(checkpointInterval === undefined ? {} : { checkpointInterval }),
    };
    const whole = { ...pipeline, options: { ...pipeline.options, ...settings } };
    const outputs = outputsOf(pipeline);
    await refuseSharedOutput(outputs, stateManager, stateDir);
    const unfinished = (await stateManager.newestCheckpoints()).filter(isUnfinished);
    return runSession({
      ...options,
      ...{ terminal, stops, stateManager, name: pipeline.name, pipelineFile: file },
      isPiped: piped.length > 0,
      places: placesOf(pipeline),
      notices: [...piped, ...notices, ...(await noticesOf(pipeline.name, unfinished, stateDir))],
      createExecutor: (environment) =>
        new PipelineExecutor(pipeline.stages, stateManager, [], {
          ...environment,
          pipelineFile: file,
          ...argumentsOf(fileArguments),
          ...workersOf(options.threads, file, fileArguments),
        }),
      start: (executor) => executor.execute(whole),
    });
  });
}

/** A run that reads or writes a pipe says at once what it cannot do. */
function pipedNotices({ source, sink }: Pipeline<unknown>): string[] {
  const reasons = [
    ...(toSource(source).isReadOnce === true ? ['standard input is read once'] : []),
    ...(toSink(sink).kind === 'stdout' ? ['standard output cannot be taken back'] : []),
  ];
  return reasons.length === 0 ? [] : [`This run cannot be resumed: ${reasons.join(', and ')}.`];
}

/** @throws {InvalidOptionError} */
export function workersOf(
  threads: number | undefined,
  file: string,
  fileArguments: readonly string[] = [],
): { readonly workers?: WorkerOptions } {
  if (threads === undefined) return {};
  return { workers: checkWorkers({ count: threads, file, arguments: fileArguments }) };
}

/** What a checkpoint keeps of the arguments. */
export function argumentsOf(fileArguments: readonly string[] = []): {
  readonly pipelineArguments?: readonly string[];
} {
  return fileArguments.length === 0 ? {} : { pipelineArguments: fileArguments };
}

/** The output and the dead letters, for the summary. */
export function placesOf(pipeline: Pipeline<unknown>): Places {
  const { sink, deadLetter } = definePipeline(pipeline, pipeline.stages);
  return { output: sink.label, deadLetters: deadLetter?.label };
}

/** Reminds of another unfinished session of the same pipeline. */
async function noticesOf(
  name: string,
  unfinished: readonly SoundSummary[],
  stateDir: string,
): Promise<string[]> {
  const others = unfinished.filter((summary) => summary.pipeline === name && canResume(summary));
  const [newest] = others;
  if (newest === undefined) return [];
  const { sessionId, checkpoint, savedAt } = newest;
  const owner = await ownerOf(stateDir, sessionId);
  if (owner !== undefined) {
    const by = owner.pid === undefined ? 'another process' : `process ${owner.pid}`;
    return [`Session ${sessionId} of ${printable(name)} is running in ${by}.`];
  }
  const rows = counted(storedMark(checkpoint)?.rowsIn ?? 0, 'row');
  const more = others.length > 1 ? ` (${counted(others.length, 'such session')} in total)` : '';
  const command = sessionCommand('resume', sessionId, stateDir);
  return [
    `An unfinished session of ${printable(name)} is stored, ${rows} in, saved ${ago(savedAt, Date.now())}${more}. To resume it instead: ${command}`,
  ];
}
