/** What keyed stages write beside the output, and where their state is kept. */
import { sha256 } from '#sha256';
import type { Sink } from '../../sinks/sink.js';
import type { AnyStage } from '../../stages/stage.js';
import { toSink } from '../endpoints/endpoints.js';

/** The keyed stages, with the sinks that they write their results to. */
export function keyedSinks(
  stages: readonly AnyStage[],
): readonly { readonly stage: string; readonly sink: Sink<unknown> | undefined }[] {
  return stages.flatMap((stage) => {
    if (stage.kind !== 'batch' || stage.keyed === undefined) return [];
    const { to } = stage.keyed;
    return [{ stage: stage.name, sink: to && toSink(to as Sink<unknown>) }];
  });
}

/** The sinks of results, by their names in messages. */
export function resultSinks(stages: readonly AnyStage[]): Readonly<Record<string, Sink<unknown>>> {
  const named = keyedSinks(stages).flatMap(({ stage, sink }) =>
    sink === undefined ? [] : [[`results of stage "${stage}"`, sink] as const],
  );
  return Object.fromEntries(named);
}

/** What the state logs of a stage are named by: any stage name becomes a file name. */
export const stateLogName = (stage: string): string => sha256(stage).slice(0, 16);
