/** The last lines of a foreground run, and its exit code. */
import { CheckpointNotFoundError } from '../errors.js';
import { codeOf, messageOf } from '../platform/thrown.js';
import { isBeyondResume } from '../sessions/can-resume.js';
import { programName, quoted, sessionCommand } from '../sessions/invocation.js';
import { commandAfterLoss, lostOutput } from '../sessions/lost-output.js';
import { storedMark } from '../sessions/stored-metrics.js';
import { STANDARD_OUTPUT } from '../sinks/standard-output.js';
import { describedDeadLetters } from '../sources/dead-letters/described-dead-letters.js';
import {
  COMPLETED,
  exitCodeOf,
  FAILED,
  PAUSED_BY_ITSELF,
  STOPPED_BY,
  STOPPED_FROM_ELSEWHERE,
} from './exit-codes.js';
import { reportError, shownPath } from './output/report.js';
import {
  completedEnding,
  type Ending,
  endingLines,
  type SavedRows,
  type StopKind,
  stoppedEnding,
  withReason,
  withSpending,
} from './output/summary.js';
import type { RunOutcome, SessionOptions } from './session-options.js';

/** Nothing ran, and the stored session is unchanged. */
const REFUSALS = new Set(['PIPELINE_MISMATCH', 'SESSION_LOCKED', 'CORRUPT_CHECKPOINT', 'CORRUPT_JOURNAL']);

/** @param runId the session of the run; undefined: none was started. @returns the exit code. */
export async function printRunEnding(
  outcome: RunOutcome,
  runId: string | undefined,
  options: SessionOptions,
): Promise<number> {
  const { terminal, stops, name, places, verbose } = options;
  // `… | head`: the reader has all that it wanted.
  if (places.output === STANDARD_OUTPUT && isOutputClosed(outcome, stops.exitCode)) return STOPPED_BY.SIGPIPE;
  if (outcome.kind === 'completed') {
    const { result } = outcome;
    const redrive = sessionCommand('redrive', result.sessionId, options.stateDir);
    printEnding(options, completedEnding(name, result, places, terminal.colors, redrive));
    return COMPLETED;
  }
  const how = stopKindOf(outcome, stops.exitCode);
  const isFailure = outcome.kind === 'failed' && how === 'failed';
  if (isFailure && !outcome.isReported) reportError(terminal, outcome.error, verbose, outcome.where);
  if (isFailure && REFUSALS.has(codeOf(outcome.error))) return exitCodeOf(outcome.error);
  const sessionId = runId ?? options.sessionId;
  const stopped = sessionId === undefined ? undefined : await endingOf(sessionId, outcome, how, options);
  const reason = outcome.kind === 'paused' ? outcome.saved.reason : undefined;
  const projection = outcome.kind === 'paused' ? outcome.saved.projection : undefined;
  const explained = stopped && reason ? withReason(stopped, reason, projection) : stopped;
  const spending = outcome.kind === 'paused' ? outcome.saved.spending : undefined;
  const ending = explained && withSpending(explained, spending);
  if (ending !== undefined) printEnding(options, ending);
  if (how === 'failed') return outcome.kind === 'failed' ? exitCodeOf(outcome.error) : FAILED;
  const isByItself = outcome.kind === 'paused' && outcome.saved.reason !== undefined;
  return stops.exitCode ?? (isByItself ? PAUSED_BY_ITSELF : STOPPED_FROM_ELSEWHERE);
}

function isOutputClosed(outcome: RunOutcome, signalCode: number | undefined): boolean {
  const { cause } =
    (outcome.kind === 'failed' ? (outcome.error as { readonly cause?: unknown } | null) : null) ?? {};
  return signalCode === STOPPED_BY.SIGPIPE || codeOf(cause) === 'EPIPE';
}

function stopKindOf(outcome: RunOutcome, signalCode: number | undefined): StopKind {
  if (outcome.kind === 'failed') return codeOf(outcome.error) === 'CANCELLED' ? 'cancelled' : 'failed';
  return outcome.kind === 'stopped' && signalCode !== undefined ? 'cancelled' : 'paused';
}

/** What is saved, by the receipt, or by the checkpoint when there is no receipt; and the next command. */
async function endingOf(
  sessionId: string,
  outcome: RunOutcome,
  how: StopKind,
  { terminal, name, stateManager, stateDir, pipelineFile, isPiped = false }: SessionOptions,
): Promise<Ending | undefined> {
  const { colors, errorColors } = terminal;
  const resume = sessionCommand('resume', sessionId, stateDir);
  const again = ['run again', `${programName()} run ${quoted(shownPath(pipelineFile))}`] as const;
  const receipt = 'saved' in outcome ? outcome.saved : undefined;
  if (isPiped) return stoppedEnding(name, how, receipt, again, colors);
  if (receipt !== undefined && receipt.batches > 0)
    return stoppedEnding(name, how, receipt, ['resume', resume], colors);
  let saved: SavedRows | undefined;
  let isRedrive = false;
  try {
    const { checkpoint } = await stateManager.loadCheckpoint(sessionId);
    saved = storedMark(checkpoint);
    isRedrive = describedDeadLetters(checkpoint.source) !== undefined;
    const lost = await lostOutput(checkpoint);
    if (lost !== undefined) {
      const next = await commandAfterLoss(stateManager, stateDir, sessionId, shownPath(pipelineFile));
      return stoppedEnding(name, how, lost, next, colors);
    }
  } catch (error) {
    if (!(error instanceof CheckpointNotFoundError)) {
      terminal.printMessage(`${errorColors.red('error:')} ${messageOf(error)}`);
      return undefined;
    }
    // Stopped before the first checkpoint: there is nothing to resume.
    return how === 'failed' ? undefined : stoppedEnding(name, how, undefined, undefined, colors);
  }
  if (outcome.kind === 'failed' && isBeyondResume(codeOf(outcome.error)))
    return stoppedEnding(
      name,
      how,
      saved,
      isRedrive ? ['redrive', sessionCommand('redrive', sessionId, stateDir)] : again,
      colors,
    );
  return stoppedEnding(name, how, saved, ['resume', resume], colors);
}

function printEnding({ terminal, quiet }: SessionOptions, ending: Ending): void {
  for (const line of endingLines(ending, quiet, terminal.colors)) terminal.printResult(line);
}
