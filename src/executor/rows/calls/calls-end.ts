/** How an attempt over the calls of a batch has ended, once nothing of it runs. */
import type { Deferred, Held } from '../../../stages/calls/call-gate.js';
import { gravest } from '../../../stages/failures/retry-decision.js';
import type { Call, CallFailure, CallOutput } from './call.js';
import type { CallsEnd } from './calls-port.js';

/** @param fatal a failure after which no call began. @param refusal a call may not begin yet. */
export function conclude(
  calls: readonly Call[],
  fatal: CallFailure | undefined,
  refusal: Deferred | Held | undefined,
  fromJournal: boolean,
): CallsEnd['end'] {
  const failed = calls.flatMap(({ output, failure }) =>
    output === undefined && failure !== undefined ? failure : [],
  );
  if (fatal !== undefined) return { kind: 'failed', failure: gravest(failed) ?? fatal };
  if (refusal !== undefined) return refusal;
  const worst = gravest(failed);
  if (worst !== undefined) return { kind: 'failed', failure: worst };
  return { kind: 'done', outputs: calls.map(({ output }) => output as CallOutput), fromJournal };
}

/** The function turned out to be synchronous at the first row. */
export function synchronousEnd(calls: readonly Call[]): CallsEnd['end'] {
  const [first] = calls as readonly [Call];
  return { kind: 'synchronous', memory: first.memory };
}
