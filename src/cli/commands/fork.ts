/** `fork <session> --from <batch> [file]`: reruns the rest of a stored run into a new session and file, and compares the outputs. */
import { resolve } from 'node:path';
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { PipelineFileError } from '../../errors.js';
import { PipelineExecutor } from '../../executor/pipeline-executor.js';
import { diffFork, diffText } from '../../history/diff/diff-sessions.js';
import { forkSession } from '../../history/fork/fork-session.js';
import { openRecording } from '../../history/open-recording.js';
import { nodeFileSystem } from '../../platform/node-file-system.js';
import { findSession } from '../../sessions/find-session.js';
import { programName } from '../../sessions/invocation.js';
import { COMPLETED } from '../exit-codes.js';
import { loadPipelineFile } from '../load-pipeline-file.js';
import type { Terminal } from '../output/terminal.js';
import { runSession } from '../run-session.js';
import { withStopRequests } from '../stop-requests.js';
import { argumentsOf, placesOf, type RunCommandOptions, workersOf } from './run.js';

export interface ForkCommandOptions extends Omit<RunCommandOptions, 'checkpointInterval' | 'fileArguments'> {
  readonly from: number;
  readonly to?: string;
  readonly key?: string;
}

/** @param givenFile default: the file that the session was started from. @returns the exit code. */
export async function fork(
  given: string,
  givenFile: string | undefined,
  options: ForkCommandOptions,
  terminal: Terminal,
): Promise<number> {
  const { stateDir, from, to, key, json, verbose } = options;
  if (json) terminal.reserveForJson();
  return withStopRequests({ terminal, verbose }, async (stops) => {
    const stateManager = new StateManager(lowdbStorage(stateDir));
    const sessionId = await findSession(stateManager, given);
    const { checkpoint } = await stateManager.loadCheckpoint(sessionId);
    const wanted = givenFile ?? checkpoint.pipelineFile;
    if (wanted === undefined)
      throw new PipelineFileError(
        `Session ${sessionId} was not started from a pipeline file. Name the file: ${programName()} fork ${sessionId} --from ${from} FILE`,
      );
    const { file, pipeline } = await loadPipelineFile(wanted, checkpoint.pipelineArguments);
    const workers = workersOf(options.threads, file, checkpoint.pipelineArguments);
    const isRecorded = await stateManager.storage.isRecorded?.(sessionId);
    const forked = await forkSession({
      ...{ stateManager, fileSystem: nodeFileSystem, sessionId, pipeline, from, key },
      to: to === undefined ? undefined : resolve(to),
      recording: isRecorded === true ? await openRecording({ session: sessionId, stateDir }) : undefined,
    });
    const where =
      forked.from === from
        ? `batch ${from}`
        : `batch ${forked.from}, the last known committed point before batch ${from}`;
    const code = await runSession({
      ...options,
      ...{
        terminal,
        stops,
        stateManager,
        sessionId: forked.sessionId,
        name: checkpoint.pipeline,
        pipelineFile: file,
      },
      places: placesOf({ ...pipeline, ...forked.pipeline, options: forked.pipeline.options ?? {} }),
      notices: [`The fork starts at ${where} of session ${sessionId}.`],
      createExecutor: (environment) =>
        new PipelineExecutor(pipeline.stages, stateManager, [], {
          ...environment,
          pipelineFile: file,
          ...argumentsOf(checkpoint.pipelineArguments),
          ...workers,
        }),
      start: (executor) => executor.resume(forked.sessionId, forked.pipeline, { force: true }),
    });
    if (code !== COMPLETED) return code;
    const ended = await stateManager.loadCheckpoint(forked.sessionId);
    const found = await diffFork(nodeFileSystem, forked, ended.checkpoint, { key });
    const compared = { type: 'fork.compared', sessionId: forked.sessionId, with: sessionId, ...found };
    if (json) terminal.write(`${JSON.stringify(compared)}\n`);
    for (const line of diffText(found).split('\n')) terminal.printResult(line);
    return code;
  });
}
