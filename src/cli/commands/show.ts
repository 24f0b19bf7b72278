/** `show <session>`: prints the checkpoint of a session. */
import type { Checkpoint } from '../../checkpoint/envelope.js';
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { sessionSpending } from '../../executor/result.js';
import { isOver } from '../../history/redrive/redrive-session.js';
import { counted, grouped, printable, span } from '../../observers/progress/terminal-text.js';
import { isBeyondResume } from '../../sessions/can-resume.js';
import { findSession } from '../../sessions/find-session.js';
import { quoted, sessionCommand } from '../../sessions/invocation.js';
import { commandAfterLoss, lostOutput } from '../../sessions/lost-output.js';
import { ownerOf, type SessionOwner, sessionState, stateWord } from '../../sessions/owner.js';
import {
  storedMark,
  storedPartFile,
  storedPath,
  storedPauseReason,
  storedStages,
} from '../../sessions/stored-metrics.js';
import { describedDeadLetters } from '../../sources/dead-letters/described-dead-letters.js';
import { spendingText } from '../../spending/spending-text.js';
import { COMPLETED } from '../exit-codes.js';
import { ago, localTime } from '../output/durations.js';
import { tableLines } from '../output/table.js';
import type { Terminal } from '../output/terminal.js';

/** @returns the exit code. @throws {CheckpointNotFoundError | CorruptCheckpointError} */
export async function show(
  given: string,
  stateDir: string,
  json: boolean,
  terminal: Terminal,
): Promise<number> {
  const stateManager = new StateManager(lowdbStorage(stateDir));
  const sessionId = await findSession(stateManager, given);
  const { checkpoint, warnings } = await stateManager.loadCheckpoint(sessionId);
  for (const warning of warnings) terminal.printMessage(terminal.errorColors.yellow(warning));
  if (json) {
    terminal.write(`${JSON.stringify(checkpoint)}\n`);
    return COMPLETED;
  }
  const owner = checkpoint.state === 'COMPLETED' ? undefined : await ownerOf(stateDir, sessionId);
  for (const line of checkpointLines(checkpoint, owner, Date.now(), terminal)) terminal.printResult(line);
  if (checkpoint.state !== 'COMPLETED' && owner === undefined && !isBeyondResume(checkpoint.error?.code)) {
    terminal.printResult('');
    for (const line of await adviceLines(checkpoint, stateManager, stateDir)) terminal.printResult(line);
  }
  if (mayRedrive(checkpoint)) {
    const command = sessionCommand('redrive', sessionId, stateDir, ...fileOf(checkpoint));
    terminal.printResult('');
    terminal.printResult(`To run its dead letters again: ${command}`);
  }
  return COMPLETED;
}

const mayRedrive = (checkpoint: Checkpoint): boolean =>
  isOver(checkpoint) &&
  checkpoint.redriven === undefined &&
  (storedMark(checkpoint)?.deadLetter ?? null) !== null;

async function adviceLines(
  checkpoint: Checkpoint,
  stateManager: StateManager,
  stateDir: string,
): Promise<string[]> {
  const { sessionId, pipelineFile } = checkpoint;
  const lost = await lostOutput(checkpoint);
  if (lost === undefined)
    return [`To resume it: ${sessionCommand('resume', sessionId, stateDir, ...fileOf(checkpoint))}`];
  const [label, command] = await commandAfterLoss(stateManager, stateDir, sessionId, pipelineFile);
  return [`It cannot be resumed from its checkpoint: ${lost}`, `To ${label}: ${command}`];
}

const fileOf = ({ pipelineFile }: Checkpoint) => (pipelineFile === undefined ? ['FILE'] : []);

/** Pure. */
export function checkpointLines(
  checkpoint: Checkpoint,
  owner: SessionOwner | undefined,
  now: number,
  { colors }: Pick<Terminal, 'colors'>,
): string[] {
  const { settings, source, sink, deadLetter, error, savedAt, startedAt } = checkpoint;
  const mark = storedMark(checkpoint);
  const reason = storedPauseReason(checkpoint);
  const { spending } = sessionSpending(checkpoint.spending);
  const every = settings.checkpointEveryMs === null ? '' : ` or ${span(settings.checkpointEveryMs)}`;
  const fields: (readonly [string, string | undefined])[] = [
    ['session', checkpoint.sessionId],
    ['pipeline', printable(checkpoint.pipeline)],
    ['file', checkpoint.pipelineFile],
    ['arguments', checkpoint.pipelineArguments?.map((word) => printable(quoted(word))).join(' ')],
    ['state', stateWord(sessionState(checkpoint.state, owner), owner?.pid)],
    [
      'paused by',
      reason && `itself (${reason.kind}): ${printable(reason.message)} ${printable(reason.advice)}`,
    ],
    ['error', error && `${printable(error.message)} (${printable(error.code)})`],
    ['started', localTime(startedAt)],
    ['saved', `${localTime(savedAt)}, ${ago(savedAt, now)}`],
    ...(mark === undefined
      ? []
      : ([
          ['committed', counted(mark.batches, 'batch', 'batches')],
          [
            'rows',
            `${grouped(mark.rowsIn)} in, ${grouped(mark.rowsOut)} out, ${grouped(mark.losses.total)} lost`,
          ],
          ['run time', span(mark.elapsedMs)],
        ] as const)),
    ['spent', spending && printable(spendingText(spending))],
    ['input', placeOf(source, mark?.source ?? null)],
    ['output', placeOf(sink, mark?.sink ?? null)],
    ['part file', checkpoint.state === 'COMPLETED' ? undefined : storedPartFile(sink, mark?.sink ?? null)],
    ['dead letters', deadLetter === null ? undefined : placeOf(deadLetter, mark?.deadLetter ?? null)],
    ['redrives', describedDeadLetters(source)?.session],
    ['redriven by', checkpoint.redriven?.sessionId],
    [
      'settings',
      `batches of ${counted(settings.batchSize, 'row')}, ${settings.maxInFlight} in flight, a checkpoint every ${counted(settings.checkpointInterval, 'row')}${every}`,
    ],
    ['processes', grouped(checkpoint.epoch)],
  ];
  const lines = fields.flatMap(([label, value]) =>
    value === undefined ? [] : [`${colors.dim(label.padEnd(13))}  ${value}`],
  );
  return [...lines, '', ...stageLines(checkpoint, colors), ...lossLines(checkpoint, colors)];
}

function placeOf(description: Checkpoint['source'], position: Checkpoint['source']): string {
  const place = storedPath(description) ?? 'not a file: pass it again to resume';
  const bytes = position?.bytes;
  return typeof bytes === 'number' ? `${place}, byte ${grouped(bytes)}` : place;
}

function stageLines(checkpoint: Checkpoint, colors: Terminal['colors']): string[] {
  const mark = storedMark(checkpoint);
  if (mark === undefined) return [`stages: ${storedStages(checkpoint).map(printable).join(', ')}`];
  const [header = '', ...rows] = tableLines(
    [
      ['STAGE', 'BATCHES', 'ROWS IN', 'ROWS OUT', 'SKIPPED', 'DEAD LETTERS', 'RETRIES', 'BUSY'],
      ...mark.stages.map((stage) => [
        printable(stage.stage),
        ...[stage.batches, stage.rowsIn, stage.rowsOut, stage.skipped, stage.deadLettered, stage.retries].map(
          grouped,
        ),
        span(stage.busyMs),
      ]),
    ],
    [1, 2, 3, 4, 5, 6, 7],
  );
  return [colors.dim(header), ...rows];
}

const SHOWN_LOSSES = 10;

function lossLines(checkpoint: Checkpoint, colors: Terminal['colors']): string[] {
  const mark = storedMark(checkpoint);
  if (mark === undefined || mark.losses.total === 0) return [];
  const { total, named, reasons } = mark.losses;
  const rows = named
    .slice(0, SHOWN_LOSSES)
    .map(([batch, row, stage, reason]) => [
      stage < 0 ? 'source' : printable(mark.stages[stage]?.stage ?? ''),
      grouped(batch),
      grouped(row),
      printable(reasons[reason] ?? ''),
    ]);
  const [header = '', ...lines] = tableLines([['LOST IN', 'BATCH', 'ROW', 'REASON'], ...rows], [1, 2]);
  const more = total > rows.length ? [`and ${grouped(total - rows.length)} more`] : [];
  return ['', colors.dim(header), ...lines, ...more];
}
