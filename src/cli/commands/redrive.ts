/** `redrive <session> [file]`: runs the dead letters of a completed session as a new session. */
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { PipelineFileError } from '../../errors.js';
import { PipelineExecutor } from '../../executor/pipeline-executor.js';
import { limitedBy } from '../../executor/run-pipeline.js';
import { counted } from '../../observers/progress/terminal-text.js';
import { findSession } from '../../sessions/find-session.js';
import { sessionCommand } from '../../sessions/invocation.js';
import { outputsOf, refuseSharedOutput } from '../../sessions/output-owner.js';
import { keepBegunOutput } from '../../sessions/outputs/begun-output.js';
import { type Redrive, redriveSession } from '../../sessions/outputs/redrive.js';
import { COMPLETED } from '../exit-codes.js';
import { loadPipelineFile } from '../load-pipeline-file.js';
import type { Terminal } from '../output/terminal.js';
import { runSession } from '../run-session.js';
import { withStopRequests } from '../stop-requests.js';
import { argumentsOf, placesOf, type RunCommandOptions, workersOf } from './run.js';

export interface RedriveCommandOptions
  extends Omit<RunCommandOptions, 'checkpointInterval' | 'fileArguments'> {
  readonly to?: string;
  readonly force: boolean;
}

/** @param givenFile default: the file that the session was started from. @returns the exit code. */
export async function redrive(
  given: string,
  givenFile: string | undefined,
  options: RedriveCommandOptions,
  terminal: Terminal,
): Promise<number> {
  const { stateDir, to, force, json, verbose } = options;
  if (json) terminal.reserveForJson();
  return withStopRequests({ terminal, verbose }, async (stops) => {
    const stateManager = new StateManager(lowdbStorage(stateDir));
    const first = await findSession(stateManager, given);
    const { pipelineFile, pipelineArguments } = (await stateManager.loadCheckpoint(first)).checkpoint;
    const from = givenFile ?? pipelineFile;
    if (from === undefined) {
      const command = sessionCommand('redrive', first, stateDir, 'FILE');
      throw new PipelineFileError(
        `Session ${first} was not started from a pipeline file. Name the file: ${command}`,
      );
    }
    const { file, pipeline: loaded } = await loadPipelineFile(from, pipelineArguments);
    const where = { stateDir, force, ...(to !== undefined && { to }) };
    const redriven = await redriveSession(first, loaded, where);
    if (redriven === undefined || redriven.isCompleted) {
      terminal.printResult(nothingToDo(first, redriven));
      return COMPLETED;
    }
    const { sessionId } = redriven;
    const { checkpoint } = await stateManager.loadCheckpoint(sessionId);
    const { pipeline } = keepBegunOutput(limitedBy(options, loaded), checkpoint);
    await refuseSharedOutput(outputsOf(pipeline), stateManager, stateDir, sessionId);
    return runSession({
      ...options,
      ...{ terminal, stops, stateManager, sessionId, name: checkpoint.pipeline, pipelineFile: file },
      places: placesOf(pipeline),
      notices: noticesOf(redriven),
      createExecutor: (environment) =>
        new PipelineExecutor(pipeline.stages, stateManager, [], {
          ...environment,
          pipelineFile: file,
          ...argumentsOf(pipelineArguments),
          ...workersOf(options.threads, file, pipelineArguments),
        }),
      start: (executor) => executor.resume(sessionId, pipeline, { force }),
    });
  });
}

function nothingToDo(first: string, redriven: Redrive | undefined): string {
  if (redriven === undefined) return `Session ${first} has no dead letters: there is nothing to redrive.`;
  const { sessionId, rows, output } = redriven;
  const where = output === undefined ? '' : `, output ${output}`;
  return `The dead letters of session ${first} (${counted(rows, 'row')}) were redriven by session ${sessionId}, which is completed${where}.`;
}

function noticesOf({ redrives, isNew, rows, entering, malformed }: Redrive): string[] {
  const verb = isNew ? 'Redriving' : 'Continuing to redrive';
  const stages = entering.map(({ stage, rows: count }) => `${count} from ${stage}`).join(', ');
  const left =
    malformed === 0
      ? []
      : [
          `${counted(malformed, 'malformed row')} of the input cannot be redriven. Fix the input, then run again.`,
        ];
  return [`${verb} ${counted(rows, 'row')} of session ${redrives}: ${stages}.`, ...left];
}
