/** `sessions`: lists the stored sessions, newest first. */
import { DEFAULT_STATE_DIRECTORY } from '../../checkpoint/storages/state-directory.js';
import { grouped, printable, widthOf } from '../../observers/progress/terminal-text.js';
import { programName, quoted } from '../../sessions/invocation.js';
import { listSessions, type StoredSession } from '../../sessions/listing/list-sessions.js';
import { stateWord } from '../../sessions/owner.js';
import { COMPLETED } from '../exit-codes.js';
import { ago } from '../output/durations.js';
import { tableLines } from '../output/table.js';
import type { Terminal } from '../output/terminal.js';

/** @returns the exit code. */
export async function sessions(stateDir: string, json: boolean, terminal: Terminal): Promise<number> {
  const listed = await listSessions({ stateDir });
  if (json) for (const session of listed) terminal.write(`${JSON.stringify(session)}\n`);
  else for (const line of sessionLines(listed, stateDir, Date.now(), terminal)) terminal.printResult(line);
  return COMPLETED;
}

/** Pure. Ids are shortened, as far as they stay distinct, when whole ones do not fit the columns. */
export function sessionLines(
  listed: readonly StoredSession[],
  stateDir: string,
  now: number,
  { colors, columns = Number.POSITIVE_INFINITY }: Pick<Terminal, 'colors' | 'columns'>,
): string[] {
  if (listed.length === 0) return [`No sessions in ${stateDir}. Start one: ${programName()} run pipeline.ts`];
  const linesWith = (idLength: number) =>
    tableLines(
      [
        ['SESSION', 'PIPELINE', 'STATE', 'ROWS IN', 'ROWS OUT', 'SAVED'],
        ...listed.map((session) => rowOf(session, now, idLength)),
      ],
      [3, 4],
    );
  const whole = linesWith(ID_LENGTH);
  const fits = whole.every((line) => widthOf(line) <= columns);
  const [header = '', ...rows] = fits ? whole : linesWith(distinctLength(listed));
  const painted = rows.map((line, i) => {
    return paintState(line, wordOf(listed[i] as StoredSession), colors);
  });
  const open = listed.filter((session) => session.canResume);
  return [colors.dim(header), ...painted, ...(open.length > 0 ? ['', howToResume(open, stateDir)] : [])];
}

const ID_LENGTH = 36;
const SHORT_ID_LENGTH = 8;

/** The number of characters at which the ids are distinct. */
function distinctLength(listed: readonly StoredSession[]): number {
  const ids = listed.map(({ sessionId }) => sessionId);
  let length = SHORT_ID_LENGTH;
  while (length < ID_LENGTH && new Set(ids.map((id) => id.slice(0, length))).size < ids.length) length++;
  return length;
}

function wordOf(session: StoredSession): string {
  if (session.state === 'corrupt' && session.isUnreadable) return 'unreadable';
  return stateWord(session.state, session.pid);
}

function rowOf(session: StoredSession, now: number, idLength: number): string[] {
  const word = wordOf(session);
  const id = session.sessionId.slice(0, idLength);
  if (session.state === 'corrupt') return [id, '?', word, '?', '?', '?'];
  const { pipeline, rowsIn, rowsOut, savedAt } = session;
  return [id, printable(pipeline), word, grouped(rowsIn), grouped(rowsOut), ago(savedAt, now)];
}

function paintState(line: string, word: string, colors: Terminal['colors']): string {
  const paint = word.startsWith('running')
    ? colors.cyan
    : word === 'completed'
      ? colors.green
      : word === 'failed' || word === 'corrupt' || word === 'unreadable'
        ? colors.red
        : colors.yellow;
  const at = line.lastIndexOf(word);
  return at < 0 ? line : line.slice(0, at) + paint(word) + line.slice(at + word.length);
}

function howToResume(open: readonly StoredSession[], stateDir: string): string {
  const where = stateDir === DEFAULT_STATE_DIRECTORY ? '' : ` --state-dir ${quoted(stateDir)}`;
  const isNamed = open.every((session) => session.state !== 'corrupt' && session.pipelineFile !== undefined);
  const file = isNamed ? '' : ' [pipeline file]';
  return `To resume one: ${programName()} resume <session>${file}${where}   (<session>: the first characters of its id, or last)`;
}
