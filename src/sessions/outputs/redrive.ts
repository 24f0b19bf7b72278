/** `redriveSession()`, for `xstate-pipeline/node` and for the command line. */
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { DEFAULT_STATE_DIRECTORY } from '../../checkpoint/storages/state-directory.js';
import type { PipelineLike } from '../../executor/definition.js';
import { flag, optional, options, readOptions, text } from '../../formats/shape.js';
import { prepareRedrive, type Redrive } from '../../history/redrive/redrive-session.js';
import { defaultEnvironment } from '../../platform/environment.js';
import { absolutePath } from '../../platform/file-problems.js';
import { nodeFileSystem } from '../../platform/node-file-system.js';
import type { AnyStage } from '../../stages/stage.js';
import { findSession } from '../find-session.js';

export type { Redrive };

/** Options of `redriveSession`. */
export interface RedriveOptions {
  /** Where sessions are stored. Default `.xstate-pipeline`. */
  readonly stateDir?: string;
  /** File for the new rows, JSON Lines or CSV as the first output. Default: beside it, `out.redriven.jsonl` for `out.jsonl`; no
   * file where the sink keeps the rows of earlier runs, as `table()` does. */
  readonly to?: string;
  /** Accepts a pipeline whose stages before the entering ones have changed. Default false. */
  readonly force?: boolean;
}

const OPTIONS = options({
  stateDir: optional(text(10_000, 1)),
  to: optional(text(10_000, 1)),
  force: optional(flag),
});

/**
 * Makes the dead letters of a completed session the input of a new session. Each row enters at the stage that lost it. The new
 * session is stored and not yet run: `run({ resume })` runs it. The output of both sessions together is complete; rows that are
 * lost again are dead letters of the new session.
 *
 * Call it as often as you like: the dead letters of a session are taken once, and later calls return the same session.
 *
 * @param session an id, its first characters, or `'last'`.
 * @param pipeline the pipeline of that session. The stages before the entering ones must be unchanged.
 * @returns undefined: the session has no dead letters.
 * @throws {RedriveError} if the session is not completed, its dead letters are gone, or the new output exists already.
 * @throws {PipelineMismatchError | CheckpointNotFoundError | CorruptCheckpointError | SessionLockedError | InvalidOptionError}
 * @example
 * const redrive = await redriveSession('last', reviews);
 * if (redrive !== undefined) await reviews.run({ resume: redrive.sessionId });
 */
export async function redriveSession(
  session: string,
  pipeline: PipelineLike & { readonly stages: readonly AnyStage[] },
  options: RedriveOptions = {},
): Promise<Redrive | undefined> {
  const {
    stateDir = DEFAULT_STATE_DIRECTORY,
    to,
    force = false,
  } = readOptions('redriveSession()', OPTIONS, options);
  const stateManager = new StateManager(lowdbStorage(stateDir));
  return prepareRedrive({
    ...{ stateManager, fileSystem: nodeFileSystem, pipeline, force },
    newSessionId: defaultEnvironment().newSessionId,
    sessionId: await findSession(stateManager, session),
    to: to === undefined ? undefined : absolutePath(to, 'redriveSession()'),
  });
}
