/**
 * Errors as people meet them: one line that says what is wrong, where and what to do; the stack only for who asks.
 */
import { isAbsolute, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { codeOf, messageOf } from '../../errors.js';
import { printable } from '../../observers/progress/terminal-text.js';
import { isForeseen } from '../exit-codes.js';
import type { Terminal } from './terminal.js';

/** `--verbose`, or `DEBUG=1` (npm's own `DEBUG=name` patterns are not meant for us). */
export function isVerbose(option: boolean | undefined, env: NodeJS.ProcessEnv = process.env): boolean {
  return option === true || env.DEBUG === '1' || env.DEBUG === NAME || env.DEBUG === '*';
}

const NAME = 'xstate-pipeline';

/** @param where the stage and the batch: what a message of the user's own code does not say. */
export function reportError(terminal: Terminal, error: unknown, verbose: boolean, where = ''): void {
  const { red, dim } = terminal.errorColors;
  const foreseen = isForeseen(error);
  const frame = userFrame(thrownByUser(error));
  const place = frame === undefined ? '' : ` (${frame})`;
  const hint = foreseen || verbose ? '' : dim(' --verbose shows the stack.');
  terminal.printMessage(
    `${red('error:')} ${foreseen ? '' : where}${sentence(printable(messageOf(error)))}${adviceOn(error)}${place}${hint}`,
  );
  if (verbose) terminal.printMessage(error instanceof Error ? inspect(error) : inspect(error, { depth: 3 }));
}

/** What to do, where the message is also written beside a row that was set aside, to whom it is no advice. */
function adviceOn(error: unknown): string {
  if (codeOf(error) !== 'MALFORMED_ROW') return '';
  return " Mend it and resume, or give the source onMalformed: 'skip' or 'dead-letter' and resume with --force.";
}

/** What the user's own code threw, when that is what went wrong. */
function thrownByUser(error: unknown): unknown {
  if (!isForeseen(error)) return error;
  return FROM_STAGES.includes(codeOf(error)) ? (error as Error).cause : undefined;
}

const FROM_STAGES = ['STAGE_FAILED', 'ROW_FAILED'];

/** `file:line:column` or `file:line` of the first frame that is the user's own code. */
export function userFrame(error: unknown): string | undefined {
  const stack = error instanceof Error ? error.stack : undefined;
  for (const line of stack?.split('\n') ?? []) {
    const [, path, row, column] =
      /(?:\(|\s|^)(?:file:\/\/)?(\/[^()]*|[A-Za-z]:[^()]*):(\d+):(\d+)\)?$/.exec(line) ?? [];
    if (path === undefined || path.includes('/node_modules/') || path.startsWith(BUILD)) continue;
    // Of TypeScript only the lines are those of the file: columns are of what became of it.
    const isAsWritten = !/\.[cm]?tsx?$/.test(path);
    return `${shownPath(decodeURI(path))}:${row}${isAsWritten ? `:${column}` : ''}`;
  }
  return undefined;
}

/** Relative where that is shorter to read. */
export function shownPath(path: string, cwd = process.cwd()): string {
  if (!isAbsolute(path)) return path;
  const short = relative(cwd, path);
  return short === '' || short.startsWith('..') ? path : short;
}

const BUILD = fileURLToPath(new URL('../../..', import.meta.url));

function sentence(text: string): string {
  return /[.!?)]$/.test(text) ? text : `${text}.`;
}
