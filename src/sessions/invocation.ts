/** Commands to be copied: as this process itself was started, with every argument that matters, quoted for a shell. */
import { basename, delimiter, dirname, relative, resolve } from 'node:path';
import { DEFAULT_STATE_DIRECTORY } from '../checkpoint/storages/state-directory.js';

const NAME = 'xstate-pipeline';

/** How the program is called here: by name where the shell finds it, through npx, or as a file for Node. */
export function programName(
  script = process.argv[1] ?? NAME,
  env: NodeJS.ProcessEnv = process.env,
  cwd = process.cwd(),
): string {
  if (basename(script, '.cmd') !== NAME) return `node ${quoted(relative(cwd, script) || script)}`;
  const isOnPath = (env.PATH ?? '').split(delimiter).includes(dirname(script));
  // npx and `npm run` put it on a PATH of their own, that the user's shell does not have.
  return isOnPath && env.npm_command === undefined ? NAME : `npx ${NAME}`;
}

/** A command about one session. */
export function sessionCommand(
  command: 'resume' | 'show' | 'status',
  sessionId: string,
  stateDir: string,
  ...more: readonly string[]
): string {
  const isDefault = resolve(stateDir) === resolve(DEFAULT_STATE_DIRECTORY);
  const rest = isDefault ? more : [...more, '--state-dir', stateDir];
  return [programName(), command, sessionId, ...rest.map(quoted)].join(' ');
}

/** For a POSIX shell; plain words stay as they are. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./<>-]+$/.test(word) && !/[<>]/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
