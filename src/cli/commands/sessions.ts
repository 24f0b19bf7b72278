/** `sessions`: lists the stored sessions, newest first. */
import { type CheckpointSummary, isSound } from '../../checkpoint/checkpoint-summary.js';
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { DEFAULT_STATE_DIRECTORY } from '../../checkpoint/storages/state-directory.js';
import { grouped, printable, widthOf } from '../../observers/progress/terminal-text.js';
import { canResume } from '../../sessions/can-resume.js';
import { programName, quoted } from '../../sessions/invocation.js';
import { type ListedSession, listSessions } from '../../sessions/list-sessions.js';
import { type SessionOwner, stateWord } from '../../sessions/owner.js';
import { storedMark } from '../../sessions/stored-metrics.js';
import { COMPLETED } from '../exit-codes.js';
import { ago } from '../output/durations.js';
import { tableLines } from '../output/table.js';
import type { Terminal } from '../output/terminal.js';

/** @returns the exit code. */
export async function sessions(stateDir: string, json: boolean, terminal: Terminal): Promise<number> {
  const listed = await listSessions(new StateManager(lowdbStorage(stateDir)), stateDir);
  if (json) for (const session of listed) terminal.write(`${JSON.stringify(sessionFields(session))}\n`);
  else for (const line of sessionLines(listed, stateDir, Date.now(), terminal)) terminal.printResult(line);
  return COMPLETED;
}

function sessionFields({ summary, owner }: ListedSession): object {
  const { sessionId, state } = summary;
  const shown = stateWord(state, owner).replace(/ .*/, '');
  const pid = owner?.pid;
  if (!isSound(summary)) return { sessionId, state: shown, reasons: summary.reasons };
  const { pipeline, pipelineFile, startedAt, savedAt, error, checkpoint } = summary;
  const { rowsIn = 0, rowsOut = 0, batches = 0 } = storedMark(checkpoint) ?? {};
  return {
    sessionId,
    pipeline,
    pipelineFile,
    state: shown,
    pid,
    batches,
    rowsIn,
    rowsOut,
    startedAt,
    savedAt,
    error,
  };
}

/** Pure. Ids are shortened, as far as they stay distinct, when whole ones do not fit the columns. */
export function sessionLines(
  listed: readonly ListedSession[],
  stateDir: string,
  now: number,
  { colors, columns = Number.POSITIVE_INFINITY }: Pick<Terminal, 'colors' | 'columns'>,
): string[] {
  if (listed.length === 0) return [`No sessions in ${stateDir}. Start one: ${programName()} run pipeline.ts`];
  const linesWith = (idLength: number) =>
    tableLines(
      [
        ['SESSION', 'PIPELINE', 'STATE', 'ROWS IN', 'ROWS OUT', 'SAVED'],
        ...listed.map(({ summary, owner }) => rowOf(summary, owner, now, idLength)),
      ],
      [3, 4],
    );
  const whole = linesWith(ID_LENGTH);
  const fits = whole.every((line) => widthOf(line) <= columns);
  const [header = '', ...rows] = fits ? whole : linesWith(distinctLength(listed));
  const painted = rows.map((line, i) => {
    const { summary, owner } = listed[i] as ListedSession;
    return paintState(line, stateWord(summary.state, owner), colors);
  });
  const open = listed.filter(({ summary, owner }) => canResume(summary) && owner === undefined);
  return [colors.dim(header), ...painted, ...(open.length > 0 ? ['', howToResume(open, stateDir)] : [])];
}

const ID_LENGTH = 36;
const SHORT_ID_LENGTH = 8;

/** The number of characters at which the ids are distinct. */
function distinctLength(listed: readonly ListedSession[]): number {
  const ids = listed.map(({ summary }) => summary.sessionId);
  let length = SHORT_ID_LENGTH;
  while (length < ID_LENGTH && new Set(ids.map((id) => id.slice(0, length))).size < ids.length) length++;
  return length;
}

function rowOf(
  summary: CheckpointSummary,
  owner: SessionOwner | undefined,
  now: number,
  idLength: number,
): string[] {
  const word = stateWord(summary.state, owner);
  const id = summary.sessionId.slice(0, idLength);
  if (!isSound(summary)) return [id, '?', word, '?', '?', '?'];
  const mark = storedMark(summary.checkpoint);
  return [
    id,
    printable(summary.pipeline),
    word,
    mark === undefined ? '?' : grouped(mark.rowsIn),
    mark === undefined ? '?' : grouped(mark.rowsOut),
    ago(summary.savedAt, now),
  ];
}

function paintState(line: string, word: string, colors: Terminal['colors']): string {
  const paint = word.startsWith('running')
    ? colors.cyan
    : word === 'completed'
      ? colors.green
      : word === 'failed' || word === 'corrupt'
        ? colors.red
        : colors.yellow;
  const at = line.lastIndexOf(word);
  return at < 0 ? line : line.slice(0, at) + paint(word) + line.slice(at + word.length);
}

function howToResume(open: readonly ListedSession[], stateDir: string): string {
  const where = stateDir === DEFAULT_STATE_DIRECTORY ? '' : ` --state-dir ${quoted(stateDir)}`;
  const isNamed = open.every(({ summary }) => isSound(summary) && summary.pipelineFile !== undefined);
  const file = isNamed ? '' : ' [pipeline file]';
  return `To resume one: ${programName()} resume <session>${file}${where}   (<session>: the first characters of its id, or last)`;
}
