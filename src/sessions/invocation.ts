/** Commands for the user to copy: called as this process was, with all needed arguments, quoted for a shell. */
import { basename, delimiter, dirname, relative, resolve } from 'node:path';
import { DEFAULT_STATE_DIRECTORY } from '../checkpoint/storages/state-directory.js';

const NAME = 'xstate-pipeline';

/** How to call the program: by its name if it is on the PATH, through npx, or as a file for Node. */
export function programName(
  script = process.argv[1] ?? NAME,
  env: NodeJS.ProcessEnv = process.env,
  cwd = process.cwd(),
): string {
  if (basename(script, '.cmd') !== NAME) return `node ${quoted(relative(cwd, script) || script)}`;
  const isOnPath = (env.PATH ?? '').split(delimiter).includes(dirname(script));
  // npx and `npm run` extend the PATH of their children only, not of the user's shell.
  return isOnPath && env.npm_command === undefined ? NAME : `npx ${NAME}`;
}

/** A command about one session. */
export function sessionCommand(
  command: 'resume' | 'redrive' | 'show' | 'status' | 'inspect' | 'fork',
  sessionId: string,
  stateDir: string,
  ...more: readonly string[]
): string {
  const isDefault = resolve(stateDir) === resolve(DEFAULT_STATE_DIRECTORY);
  const rest = isDefault ? more : [...more, '--state-dir', stateDir];
  return [programName(), command, sessionId, ...rest.map(quoted)].join(' ');
}

/** Quotes a word for a POSIX shell, if needed. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./<>-]+$/.test(word) && !/[<>]/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
