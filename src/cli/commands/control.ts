/** `pause`, `cancel`, `status`: send a command to the process that runs a session, from any terminal. */
import type { PauseReceipt } from '../../executor/receipts.js';
import { counted, printable, rowsThrough, span } from '../../observers/progress/terminal-text.js';
import {
  cancelSession,
  pauseSession,
  type SessionStatus,
  sessionStatus,
} from '../../sessions/control-session.js';
import { sessionCommand } from '../../sessions/invocation.js';
import { COMPLETED } from '../exit-codes.js';
import { ago } from '../output/durations.js';
import { savedText } from '../output/summary.js';
import type { Terminal } from '../output/terminal.js';

/** After this time, a message says what the command waits for. */
const NOTICE_AFTER_MS = 3_000;

export interface ControlOptions {
  readonly stateDir: string;
  readonly json: boolean;
}

/** @returns the exit code. @throws {CheckpointNotFoundError | NoOwnerError | ControlError} */
export async function control(
  command: 'pause' | 'cancel',
  session: string,
  { stateDir, json }: ControlOptions,
  terminal: Terminal,
): Promise<number> {
  const notice = setTimeout(
    () =>
      terminal.printMessage(
        'Waiting for the process that runs the session: it finishes the batches in flight. Ctrl-C stops only the waiting.',
      ),
    NOTICE_AFTER_MS,
  );
  const give = command === 'pause' ? pauseSession : cancelSession;
  const receipt = await give(session, { stateDir }).finally(() => clearTimeout(notice));
  if (json) terminal.write(`${JSON.stringify(receipt)}\n`);
  else for (const line of receiptLines(command, receipt, stateDir)) terminal.printResult(line);
  return COMPLETED;
}

function receiptLines(command: 'pause' | 'cancel', receipt: PauseReceipt, stateDir: string): string[] {
  const done = command === 'pause' ? 'Paused' : 'Cancelled';
  return [
    `${done}: ${savedText(receipt)}.`,
    `  resume  ${sessionCommand('resume', receipt.sessionId, stateDir)}`,
  ];
}

/** @returns the exit code. @throws {CheckpointNotFoundError | CorruptCheckpointError | ControlError} */
export async function status(
  session: string,
  { stateDir, json }: ControlOptions,
  terminal: Terminal,
): Promise<number> {
  const found = await sessionStatus(session, { stateDir });
  if (json) terminal.write(`${JSON.stringify(statusFields(found))}\n`);
  else for (const line of statusLines(found, stateDir)) terminal.printResult(line);
  return COMPLETED;
}

/** Of a running session, `state` is the executor's, as in 0.1.0. */
function statusFields({ state, ...rest }: SessionStatus): object {
  const isPausing = state === 'pausing';
  return state === 'running' || isPausing
    ? { ...rest, state: 'EXECUTING', pausing: isPausing }
    : { ...rest, state };
}

function statusLines(status: SessionStatus, stateDir: string): string[] {
  const { sessionId, pipeline, state, savedAt, canResume } = status;
  const isStored = savedAt !== undefined;
  const line = [
    `${printable(pipeline)}, session ${sessionId}: ${state}`,
    rowsThrough(status),
    ...(isStored
      ? [`saved ${ago(savedAt, Date.now())}`]
      : [`${counted(status.batchesInFlight, 'batch', 'batches')} in flight`, span(status.elapsedMs)]),
  ].join(', ');
  return canResume ? [line, `  resume  ${sessionCommand('resume', sessionId, stateDir)}`] : [line];
}
