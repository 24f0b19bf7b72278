/** Tracing around an attempt, so that spans of calls inside a stage become its children. */
import type { TracedAttempt, Tracing } from '../../../platform/environment.js';
import type { Logger } from '../../../platform/logger.js';
import { messageOf } from '../../../platform/thrown.js';
import type { AnyStage } from '../../../stages/stage.js';
import type { RunningAttempt } from './running-attempt.js';

interface TracingSources {
  readonly sessionId: string;
  readonly stages: readonly AnyStage[];
  readonly logger: Logger;
}

/** Runs an attempt within the tracing. `work` is called exactly once, whatever the tracing does (I11). */
export function traceAttempt<R>(
  tracing: Tracing,
  { sessionId, stages, logger }: TracingSources,
  { stageIndex, batch, attempt }: RunningAttempt,
  work: () => R,
): R {
  const { name: stage } = stages[stageIndex] as AnyStage;
  const traced: TracedAttempt = { sessionId, stage, batch, attempt };
  let ended: { readonly value: R } | { readonly error: unknown } | undefined;
  const once = (): R => {
    ended ??= outcomeOf(work);
    if ('error' in ended) throw ended.error;
    return ended.value;
  };
  try {
    tracing.around(traced, once);
  } catch (error) {
    const isOfWork = ended !== undefined && 'error' in ended && ended.error === error;
    if (!isOfWork) logger.warn(`Tracing of stage "${stage}" failed: ${messageOf(error)}`);
  }
  return once();
}

function outcomeOf<R>(work: () => R): { readonly value: R } | { readonly error: unknown } {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}
