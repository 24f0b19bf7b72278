/**
 * The keyed state of a session that continues another one: copies of that session's logs as they were at a mark.
 *
 * A fork has files of its own for the results. A redriven session replaces the results by those of both sessions.
 */
import type { CheckpointMark, StateReference } from '../../../machines/context.js';
import type { StateManager } from '../../checkpoint/state-manager.js';
import { CorruptStateError, ForkError } from '../../errors.js';
import { keyedSinks, stateLogName } from '../../executor/keyed/result-sinks.js';
import type { FileSystem } from '../../platform/file-system.js';
import type { AnyStage } from '../../stages/stage.js';
import { assertFree, besideOf } from '../fork/forked-files.js';

/** Whether the session still has its state as it was at the mark. */
export async function holdState(
  stateManager: StateManager,
  sessionId: string,
  { state = [] }: CheckpointMark,
): Promise<boolean> {
  if (state.length === 0) return true;
  const logs = await stateManager.stateLogs(sessionId, 0);
  try {
    for (const { log, bytes } of state) for await (const _ of logs.read(log, bytes));
    return true;
  } catch (error) {
    if (error instanceof CorruptStateError) return false;
    throw error;
  } finally {
    await logs.close();
  }
}

/** The results' sinks of a fork, by stage: beside those of the pipeline.
 * @throws {ForkError} if a sink is no file, or a new file exists already. */
export async function forkedResults(
  fileSystem: FileSystem,
  stages: readonly AnyStage[],
): Promise<ReadonlyMap<string, StateReference['results']>> {
  const forked = new Map<string, StateReference['results']>();
  for (const { stage, sink } of keyedSinks(stages)) {
    const description = sink?.describe();
    if (description === undefined) {
      forked.set(stage, undefined);
      continue;
    }
    if (typeof description.path !== 'string')
      throw new ForkError(
        `The results of stage "${stage}" go to ${sink?.label}, which is no file: the fork would write there, too. Give the stage a file.`,
      );
    const path = besideOf(description.path);
    await assertFree(fileSystem, path);
    forked.set(stage, { ...description, path, publish: 'rename' });
  }
  return forked;
}

/** The keyed stages, with the sinks of the pipeline for their results. */
export const sameResults = (stages: readonly AnyStage[]): ReadonlyMap<string, undefined> =>
  new Map(keyedSinks(stages).map(({ stage }) => [stage, undefined]));

/** Copies the logs. @param results of each keyed stage: the sink that differs from the pipeline's.
 * @returns the mark with the references of the copies. */
export async function copyState(
  stateManager: StateManager,
  [from, to]: readonly [string, string],
  mark: CheckpointMark,
  results: ReadonlyMap<string, StateReference['results']>,
): Promise<CheckpointMark> {
  if (results.size === 0) return mark;
  const source = await stateManager.stateLogs(from, 0);
  const target = await stateManager.stateLogs(to, 0);
  try {
    const state: StateReference[] = [];
    for (const [stage, forked] of results) {
      const known = mark.state?.find((reference) => reference.stage === stage);
      const reference = known ?? { stage, log: `${stateLogName(stage)}-1`, bytes: 0, checksum: '' };
      let at = 0;
      for await (const piece of known === undefined ? [] : source.read(known.log, known.bytes)) {
        await target.append(reference.log, at, [piece]);
        at += piece.length;
      }
      state.push({ ...reference, ...(forked === undefined ? {} : { results: forked }) });
    }
    return { ...mark, state };
  } finally {
    await source.close();
    await target.close();
  }
}
