/** `fork <session> --from <batch> [file]`: the rest of a stored run again, into a new session and a new file; then what differs. */
import { resolve } from 'node:path';
import { lowdbStorage } from '../checkpoint/lowdb-storage.js';
import { nodeFileSystem } from '../checkpoint/node-file-system.js';
import { StateManager } from '../checkpoint/state-manager.js';
import { PipelineFileError } from '../errors.js';
import { diffFork, diffText } from '../executor/fork/diff-sessions.js';
import { forkSession } from '../executor/fork/fork-session.js';
import { PipelineExecutor } from '../executor/pipeline-executor.js';
import { openRecording } from '../executor/replay/open-recording.js';
import { COMPLETED } from './exit-codes.js';
import { findSession } from './find-session.js';
import { loadPipelineFile } from './load-pipeline-file.js';
import { placesOf } from './run.js';
import { runSession } from './run-session.js';
import { stopsBeforeSession } from './stops-before-session.js';
import type { Terminal } from './terminal.js';

export interface ForkCommandOptions {
  readonly stateDir: string;
  readonly from: number;
  readonly to?: string;
  readonly key?: string;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

/** @param givenFile undefined: the file that the session was begun from. @returns the exit code. */
export async function fork(
  given: string,
  givenFile: string | undefined,
  options: ForkCommandOptions,
  terminal: Terminal,
): Promise<number> {
  const { stateDir, from, to, key, quiet, verbose } = options;
  const stops = stopsBeforeSession(terminal, verbose);
  const stateManager = new StateManager(lowdbStorage(stateDir));
  const sessionId = await findSession(stateManager, given);
  const { checkpoint } = await stateManager.loadCheckpoint(sessionId);
  const wanted = givenFile ?? checkpoint.pipelineFile;
  if (wanted === undefined)
    throw new PipelineFileError(
      `Session ${sessionId} was not begun from a pipeline file. Say which one it is: xstate-pipeline fork ${sessionId} --from ${from} FILE`,
    );
  const { file, pipeline } = await loadPipelineFile(wanted);
  const isRecorded = await stateManager.storage.isRecorded?.(sessionId);
  const forked = await forkSession({
    ...{ stateManager, fileSystem: nodeFileSystem, sessionId, pipeline, from },
    to: to === undefined ? undefined : resolve(to),
    recording: isRecorded === true ? await openRecording({ session: sessionId, stateDir }) : undefined,
  });
  const where =
    forked.from === from
      ? `batch ${from}`
      : `batch ${forked.from}, the last committed point that is known before batch ${from}`;
  const code = await runSession({
    ...{ terminal, stops, stateManager, stateDir, json: false, quiet, verbose, record: false },
    ...{ inspect: undefined, sessionId: forked.sessionId, name: checkpoint.pipeline },
    places: placesOf({ ...pipeline, ...forked.pipeline, options: forked.pipeline.options ?? {} }),
    notices: [`It begins at ${where} of session ${sessionId}.`],
    executor: (logger) =>
      new PipelineExecutor(pipeline.stages, stateManager, [], { logger, pipelineFile: file }),
    start: (executor) => executor.resume(forked.sessionId, forked.pipeline, { force: true }),
  });
  if (code !== COMPLETED) return code;
  const ended = await stateManager.loadCheckpoint(forked.sessionId);
  const found = await diffFork(nodeFileSystem, forked, ended.checkpoint, { key });
  for (const line of diffText(found).split('\n')) terminal.result(line);
  return code;
}
