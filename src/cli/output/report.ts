/** Error messages: one line with the problem, its place and the fix; the stack only with `--verbose`. */
import { isAbsolute, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { printable } from '../../observers/progress/terminal-text.js';
import { codeOf, messageOf, stackOf } from '../../platform/thrown.js';
import { isForeseen } from '../exit-codes.js';
import type { Terminal } from './terminal.js';

/** `--verbose`, or `DEBUG=1`, `DEBUG=*` or `DEBUG=xstate-pipeline`. Other `DEBUG` patterns belong to other packages. */
export function isVerbose(option: boolean | undefined, env: NodeJS.ProcessEnv = process.env): boolean {
  return option === true || env.DEBUG === '1' || env.DEBUG === NAME || env.DEBUG === '*';
}

const NAME = 'xstate-pipeline';

/** @param where the stage and the batch, which an error of the user's own code does not name. */
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

/** Advice for the terminal only: the message itself is also written to dead letters. */
function adviceOn(error: unknown): string {
  if (codeOf(error) !== 'MALFORMED_ROW') return '';
  return " Fix it and resume, or set the source's onMalformed to 'skip' or 'dead-letter' and resume with --force.";
}

/** The error that the user's own code threw, if it is the cause. */
function thrownByUser(error: unknown): unknown {
  if (!isForeseen(error)) return error;
  return FROM_STAGES.includes(codeOf(error)) ? (error as Error).cause : undefined;
}

const FROM_STAGES = ['STAGE_FAILED', 'ROW_FAILED'];

/** `file:line:column` or `file:line` of the first stack frame in the user's own code. */
export function userFrame(error: unknown): string | undefined {
  const stack = stackOf(error);
  for (const line of stack?.split('\n') ?? []) {
    const [, path, row, column] =
      /(?:\(|\s|^)(?:file:\/\/)?(\/[^()]*|[A-Za-z]:[^()]*):(\d+):(\d+)\)?$/.exec(line) ?? [];
    if (path === undefined || path.includes('/node_modules/') || path.startsWith(BUILD)) continue;
    // For TypeScript, columns belong to the generated code.
    const isAsWritten = !/\.[cm]?tsx?$/.test(path);
    return `${shownPath(decodeURI(path))}:${row}${isAsWritten ? `:${column}` : ''}`;
  }
  return undefined;
}

/** Relative to the working directory, if the file is inside it. */
export function shownPath(path: string, cwd = process.cwd()): string {
  if (!isAbsolute(path)) return path;
  const short = relative(cwd, path);
  return short === '' || short.startsWith('..') ? path : short;
}

const BUILD = fileURLToPath(new URL('../../..', import.meta.url));

function sentence(text: string): string {
  return /[.!?)]$/.test(text) ? text : `${text}.`;
}
