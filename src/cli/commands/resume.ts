/** `resume <id> [file]`: goes on with a stored session, or says what going on would do. */
import { isUnfinished } from '../../checkpoint/checkpoint-summary.js';
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { PipelineFileError } from '../../errors.js';
import { PipelineExecutor } from '../../executor/pipeline-executor.js';
import { printable, rowsThrough } from '../../observers/progress/terminal-text.js';
import { keepBegunOutput } from '../../sessions/begun-output.js';
import { findSession } from '../../sessions/find-session.js';
import { sessionCommand } from '../../sessions/invocation.js';
import { outputsOf, refuseSharedOutput } from '../../sessions/output-owner.js';
import { storedMark, storedPath } from '../../sessions/stored-metrics.js';
import { COMPLETED } from '../exit-codes.js';
import { loadPipelineFile } from '../load-pipeline-file.js';
import type { Terminal } from '../output/terminal.js';
import { runSession } from '../run-session.js';
import { stopsBeforeSession } from '../stops-before-session.js';
import { explain } from './explain.js';
import { placesOf, type RunCommandOptions, workersOf } from './run.js';

export interface ResumeCommandOptions extends Omit<RunCommandOptions, 'checkpointInterval'> {
  readonly explain: boolean;
  readonly force: boolean;
}

/** @param givenFile undefined: the file that the session was begun from. @returns the exit code. */
export async function resume(
  given: string,
  givenFile: string | undefined,
  options: ResumeCommandOptions,
  terminal: Terminal,
): Promise<number> {
  const { stateDir, json, quiet, verbose, record, viewer, force } = options;
  const stops = stopsBeforeSession(terminal, verbose);
  if (json && !options.explain) terminal.reserveForJson();
  const stateManager = new StateManager(lowdbStorage(stateDir));
  const sessionId = await findSession(stateManager, given, 'unfinished');
  const { checkpoint } = await stateManager.loadCheckpoint(sessionId);
  if (checkpoint.state === 'COMPLETED') {
    const mark = storedMark(checkpoint);
    const rows = mark === undefined ? '' : `: ${rowsThrough(mark)}`;
    const output = storedPath(checkpoint.sink);
    terminal.printResult(
      `Session ${sessionId} of ${printable(checkpoint.pipeline)} is already completed${rows}${output === undefined ? '' : `, output ${output}`}.`,
    );
    return COMPLETED;
  }
  const from = givenFile ?? checkpoint.pipelineFile;
  if (from === undefined) {
    const command = sessionCommand('resume', sessionId, stateDir, 'FILE');
    throw new PipelineFileError(
      `Session ${sessionId} was not begun from a pipeline file. Say which one it is: ${command}`,
    );
  }
  const { file, pipeline: loaded } = await loadPipelineFile(from);
  const { pipeline, notices } = keepBegunOutput(loaded, checkpoint);
  const unfinished = (await stateManager.listCheckpoints()).filter(isUnfinished);
  await refuseSharedOutput(outputsOf(pipeline), unfinished, stateDir, sessionId);
  if (options.explain) return explain({ sessionId, pipeline, stateManager, stateDir, force, json, terminal });
  return runSession({
    ...{ terminal, stops, stateManager, stateDir, json, quiet, verbose, record, viewer, sessionId },
    name: checkpoint.pipeline,
    places: placesOf(pipeline),
    notices,
    executor: (logger) =>
      new PipelineExecutor(pipeline.stages, stateManager, [], {
        logger,
        pipelineFile: file,
        ...workersOf(options.threads, file),
      }),
    start: (executor) => executor.resume(sessionId, pipeline, { force }),
  });
}
