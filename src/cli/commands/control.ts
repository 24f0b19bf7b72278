/** `pause`, `cancel`, `status`: speak to the process that runs a session, from any terminal. */
import { join } from 'node:path';
import { sendControl } from '../../checkpoint/lock/control-client.js';
import type { ControlCommand } from '../../checkpoint/lock/lock.js';
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { CheckpointNotFoundError, codeOf } from '../../errors.js';
import type { JsonObject } from '../../formats/json.js';
import { counted, printable, rowsThrough, span } from '../../observers/progress/terminal-text.js';
import { findSession } from '../../sessions/find-session.js';
import { sessionCommand } from '../../sessions/invocation.js';
import { stateWord } from '../../sessions/owner.js';
import { storedMark } from '../../sessions/stored-metrics.js';
import { COMPLETED } from '../exit-codes.js';
import { ago } from '../output/durations.js';
import type { Terminal } from '../output/terminal.js';

/** A pause waits for the batches in flight, as long as those take. */
const PATIENCE_MS: Readonly<Record<ControlCommand, number>> = {
  pause: 86_400_000,
  cancel: 60_000,
  status: 5_000,
  record: 5_000,
};

/** Who hears nothing for so long thinks that it hangs. */
const SILENCE_MS = 3_000;

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
  const waits = setTimeout(() => {
    if (command !== 'status')
      terminal.printMessage(
        'Waiting for the process that runs it, which finishes what is in flight. Ctrl-C ends the waiting alone.',
      );
  }, SILENCE_MS);
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
    clearTimeout(waits);
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
  const { batches } = answer;
  const done = command === 'pause' ? 'Paused' : 'Cancelled';
  return [
    `${done}: ${rowsThrough(figuresOf(answer))} are saved (${counted(Number(batches), 'batch', 'batches')}).`,
    `  resume  ${sessionCommand('resume', sessionId, stateDir)}`,
  ];
}

const figuresOf = ({ rowsIn, rowsOut }: JsonObject) => ({ rowsIn: Number(rowsIn), rowsOut: Number(rowsOut) });

function statusLine(answer: JsonObject): string {
  const { sessionId, pipeline, state, pausing, batchesInFlight, elapsedMs } = answer;
  const word = pausing === true ? 'pausing' : String(state).toLowerCase();
  return [
    `${printable(String(pipeline))}, session ${String(sessionId)}: ${word}`,
    rowsThrough(figuresOf(answer)),
    `${counted(Number(batchesInFlight), 'batch', 'batches')} in flight`,
    span(Number(elapsedMs)),
  ].join(', ');
}

/** Nobody runs it: what is stored is its status. */
async function storedStatus(
  sessionId: string,
  stateManager: StateManager,
  { stateDir, json }: ControlOptions,
  terminal: Terminal,
): Promise<number> {
  const { checkpoint } = await stateManager.loadCheckpoint(sessionId);
  const { pipeline, state, savedAt } = checkpoint;
  const { batches = 0, rowsIn = 0, rowsOut = 0, elapsedMs = 0 } = storedMark(checkpoint) ?? {};
  const word = stateWord(state, undefined);
  if (json) {
    const facts = {
      sessionId,
      pipeline,
      state: word,
      batchesInFlight: 0,
      batches,
      rowsIn,
      rowsOut,
      elapsedMs,
    };
    terminal.write(`${JSON.stringify(facts)}\n`);
    return COMPLETED;
  }
  terminal.printResult(
    `${printable(pipeline)}, session ${sessionId}: ${word}, ${rowsThrough({ rowsIn, rowsOut })}, saved ${ago(savedAt, Date.now())}`,
  );
  if (state !== 'COMPLETED')
    terminal.printResult(`  resume  ${sessionCommand('resume', sessionId, stateDir)}`);
  return COMPLETED;
}
