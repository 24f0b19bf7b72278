/** `pause`, `cancel`, `status`: send a command to the process that runs a session, from any terminal. */
import { join } from 'node:path';
import { sendControl } from '../../checkpoint/lock/control-client.js';
import type { ControlCommand } from '../../checkpoint/lock/lock.js';
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { CheckpointNotFoundError, codeOf } from '../../errors.js';
import type { JsonObject } from '../../formats/json.js';
import { counted, printable, rowsThrough, span } from '../../observers/progress/terminal-text.js';
import { isBeyondResume } from '../../sessions/can-resume.js';
import { findSession } from '../../sessions/find-session.js';
import { sessionCommand } from '../../sessions/invocation.js';
import { stateWord } from '../../sessions/owner.js';
import { storedMark } from '../../sessions/stored-metrics.js';
import { COMPLETED } from '../exit-codes.js';
import { ago } from '../output/durations.js';
import { type SavedRows, savedText } from '../output/summary.js';
import type { Terminal } from '../output/terminal.js';

/** How long each command waits for its answer. A pause waits for the batches in flight. */
const PATIENCE_MS: Readonly<Record<ControlCommand, number>> = {
  pause: 86_400_000,
  cancel: 60_000,
  status: 5_000,
  record: 5_000,
};

/** After this time, a message says what the command waits for. */
const NOTICE_AFTER_MS = 3_000;

export interface ControlOptions {
  readonly stateDir: string;
  readonly json: boolean;
}

/** @returns the exit code. @throws {CheckpointNotFoundError | NoOwnerError | ControlError} */
export async function control(
  command: ControlCommand,
  given: string,
  { stateDir, json }: ControlOptions,
  terminal: Terminal,
): Promise<number> {
  const stateManager = new StateManager(lowdbStorage(stateDir));
  const sessionId = await findSession(stateManager, given, { runIn: stateDir });
  let answer: JsonObject;
  const notice = setTimeout(() => {
    if (command !== 'status')
      terminal.printMessage(
        'Waiting for the process that runs the session: it finishes the batches in flight. Ctrl-C stops only the waiting.',
      );
  }, NOTICE_AFTER_MS);
  try {
    const directory = join(stateDir, sessionId);
    answer = await sendControl({ directory, sessionId, command, timeoutMs: PATIENCE_MS[command] });
  } catch (error) {
    if (codeOf(error) !== 'NO_OWNER') throw error;
    if ((await stateManager.storage.read(sessionId)) === undefined)
      throw new CheckpointNotFoundError(sessionId, stateManager.storage.label);
    if (command !== 'status') throw error;
    return storedStatus(sessionId, stateManager, { stateDir, json }, terminal);
  } finally {
    clearTimeout(notice);
  }
  if (json) terminal.write(`${JSON.stringify(answer)}\n`);
  else if (command === 'status') terminal.printResult(statusLine(answer));
  else for (const line of receiptLines(command, sessionId, answer, stateDir)) terminal.printResult(line);
  return COMPLETED;
}

function receiptLines(
  command: ControlCommand,
  sessionId: string,
  answer: JsonObject,
  stateDir: string,
): string[] {
  const done = command === 'pause' ? 'Paused' : 'Cancelled';
  return [
    `${done}: ${savedText(rowsOf(answer))}.`,
    `  resume  ${sessionCommand('resume', sessionId, stateDir)}`,
  ];
}

const rowsOf = ({ batches, rowsIn, rowsOut }: JsonObject): SavedRows => ({
  batches: Number(batches),
  rowsIn: Number(rowsIn),
  rowsOut: Number(rowsOut),
});

function statusLine(answer: JsonObject): string {
  const { sessionId, pipeline, state, pausing, batchesInFlight, elapsedMs } = answer;
  const word = pausing === true ? 'pausing' : String(state).toLowerCase();
  return [
    `${printable(String(pipeline))}, session ${String(sessionId)}: ${word}`,
    rowsThrough(rowsOf(answer)),
    `${counted(Number(batchesInFlight), 'batch', 'batches')} in flight`,
    span(Number(elapsedMs)),
  ].join(', ');
}

/** The status of a session that no process runs: its checkpoint. */
async function storedStatus(
  sessionId: string,
  stateManager: StateManager,
  { stateDir, json }: ControlOptions,
  terminal: Terminal,
): Promise<number> {
  const { checkpoint } = await stateManager.loadCheckpoint(sessionId);
  const { pipeline, state, savedAt, error } = checkpoint;
  const { batches = 0, rowsIn = 0, rowsOut = 0, elapsedMs = 0 } = storedMark(checkpoint) ?? {};
  const word = stateWord(state, undefined);
  if (json) {
    const fields = {
      sessionId,
      pipeline,
      state: word,
      batchesInFlight: 0,
      batches,
      rowsIn,
      rowsOut,
      elapsedMs,
    };
    terminal.write(`${JSON.stringify(fields)}\n`);
    return COMPLETED;
  }
  terminal.printResult(
    `${printable(pipeline)}, session ${sessionId}: ${word}, ${rowsThrough({ rowsIn, rowsOut })}, saved ${ago(savedAt, Date.now())}`,
  );
  if (state !== 'COMPLETED' && !isBeyondResume(error?.code))
    terminal.printResult(`  resume  ${sessionCommand('resume', sessionId, stateDir)}`);
  return COMPLETED;
}
