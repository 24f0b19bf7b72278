/** `resume <session> [file]`: resumes a stored session, or explains what a resume would do. */
import type { Checkpoint } from '../../checkpoint/envelope.js';
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { PipelineFileError, PipelineMismatchError } from '../../errors.js';
import { PipelineExecutor } from '../../executor/pipeline-executor.js';
import { limitedBy } from '../../executor/run-pipeline.js';
import { printable, rowsThrough } from '../../observers/progress/terminal-text.js';
import { findSession } from '../../sessions/find-session.js';
import { quoted, sessionCommand } from '../../sessions/invocation.js';
import { readJournaledSession, withJournalAdvice } from '../../sessions/journaled-session.js';
import { outputsOf, refuseSharedOutput } from '../../sessions/output-owner.js';
import { keepBegunOutput } from '../../sessions/outputs/begun-output.js';
import { storedMark, storedPath } from '../../sessions/stored-metrics.js';
import { COMPLETED } from '../exit-codes.js';
import { limitPipeline } from '../limit-pipeline.js';
import { loadPipelineFile } from '../load-pipeline-file.js';
import type { Terminal } from '../output/terminal.js';
import { runSession } from '../run-session.js';
import { withStopRequests } from '../stop-requests.js';
import { explain, resumeFlags } from './explain.js';
import { argumentsOf, placesOf, type RunCommandOptions, workersOf } from './run.js';

export interface ResumeCommandOptions extends Omit<RunCommandOptions, 'checkpointInterval' | 'limit'> {
  readonly explain: boolean;
  readonly force: boolean;
  readonly fromJournal: boolean;
  readonly verify: boolean;
}

/** @param givenFile default: the file that the session was started from. @returns the exit code. */
export async function resume(
  given: string,
  givenFile: string | undefined,
  options: ResumeCommandOptions,
  terminal: Terminal,
): Promise<number> {
  const { stateDir, json, verbose, force, fromJournal, verify } = options;
  if (json && !options.explain) terminal.reserveForJson();
  return withStopRequests({ terminal, verbose }, async (stops) => {
    const stateManager = new StateManager(lowdbStorage(stateDir));
    const sessionId = await findSession(stateManager, given, 'unfinished');
    const checkpoint = await storedCheckpoint(stateManager, sessionId, options);
    if (checkpoint?.state === 'COMPLETED') return printCompleted(checkpoint, terminal);
    const from = givenFile ?? checkpoint?.pipelineFile;
    if (from === undefined) {
      const command = sessionCommand('resume', sessionId, stateDir, 'FILE', ...resumeFlags(options));
      throw new PipelineFileError(
        `Session ${sessionId} was not started from a pipeline file. Name the file: ${command}`,
      );
    }
    const fileArguments = argumentsToResume(checkpoint, options);
    const { file, pipeline: loaded } = await loadPipelineFile(from, fileArguments);
    const { pipeline, notices } = keepBegunOutput(
      limitPipeline(limitedBy(options, loaded), storedLimit(checkpoint)).pipeline,
      checkpoint ?? { source: null, sink: null, deadLetter: null },
    );
    await refuseSharedOutput(outputsOf(pipeline), stateManager, stateDir, sessionId);
    if (options.explain) return explain({ ...options, sessionId, pipeline, stateManager, terminal });
    return runSession({
      ...options,
      ...{
        terminal,
        stops,
        stateManager,
        sessionId,
        notices,
        name: checkpoint?.pipeline ?? pipeline.name,
        pipelineFile: file,
      },
      places: placesOf(pipeline),
      createExecutor: (environment) =>
        new PipelineExecutor(pipeline.stages, stateManager, [], {
          ...environment,
          pipelineFile: file,
          ...argumentsOf(fileArguments),
          ...workersOf(options.threads, file, fileArguments),
        }),
      start: (executor) => executor.resume(sessionId, pipeline, { force, fromJournal, verify }),
    });
  });
}

/** Rows of a session that was started with `--limit`. */
function storedLimit(checkpoint: Checkpoint | undefined): number | undefined {
  const limit = checkpoint?.source?.limit;
  return typeof limit === 'number' ? limit : undefined;
}

/** Those that the session began with: they are a part of the pipeline (I15).
 * @throws {PipelineMismatchError} if others are given, unless forced. */
function argumentsToResume(
  checkpoint: Checkpoint | undefined,
  { fileArguments, force }: Pick<ResumeCommandOptions, 'fileArguments' | 'force'>,
): readonly string[] {
  const begun = checkpoint?.pipelineArguments ?? [];
  if (fileArguments.length === 0) return begun;
  const [before, now] = [begun, fileArguments].map((words) => words.map(quoted).join(' '));
  if (checkpoint === undefined || before === now || force) return fileArguments;
  throw new PipelineMismatchError([`the arguments were ${before || 'none'}, and are ${now}`]);
}

/** What is stored of the session; undefined: nothing but outputs in its journal. */
async function storedCheckpoint(
  stateManager: StateManager,
  sessionId: string,
  { fromJournal, stateDir }: ResumeCommandOptions,
): Promise<Checkpoint | undefined> {
  if (fromJournal) return (await readJournaledSession(stateManager, sessionId)).checkpoint;
  try {
    return (await stateManager.loadCheckpoint(sessionId)).checkpoint;
  } catch (error) {
    throw await withJournalAdvice(error, stateManager, sessionId, stateDir);
  }
}

/** Reports a session that is completed already, perhaps by another process a moment ago. @returns the exit code. */
function printCompleted(checkpoint: Checkpoint, terminal: Terminal): number {
  const { sessionId, pipeline, sink } = checkpoint;
  const mark = storedMark(checkpoint);
  const rows = mark === undefined ? '' : `: ${rowsThrough(mark)}`;
  const path = storedPath(sink);
  const output = path === undefined ? '' : `, output ${path}`;
  terminal.printResult(
    `Session ${sessionId} of ${printable(pipeline)} is already completed${rows}${output}.`,
  );
  return COMPLETED;
}
