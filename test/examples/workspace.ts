/** A copy of the examples in a fresh folder: they run as a reader runs them, and leave no files behind. */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Workspace {
  readonly folder: string;
  /** The environment of a reader's terminal. */
  readonly env: NodeJS.ProcessEnv;
  path(name: string): string;
  text(name: string): string;
  /** The rows of a JSON Lines file. */
  rows<T>(name: string): T[];
  /** Runs Node in the folder's top. */
  node(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Outcome>;
  remove(): void;
}

/** `npx <command>` without npm between. */
export const XSTATE_PIPELINE = 'dist/src/cli/main.js';
export const JITI = 'node_modules/jiti/lib/jiti-cli.mjs';
export const VITEST = 'node_modules/vitest/vitest.mjs';

export function workspace(): Workspace {
  const folder = mkdtempSync(join(tmpdir(), 'examples-'));
  cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  for (const name of ['dist', 'machines', 'node_modules', 'src', 'test'])
    symlinkSync(join(root, name), join(folder, name), 'dir');
  const { VITEST: _, NODE_ENV: __, ...inherited } = process.env;
  const env = { ...inherited, NO_COLOR: '1' };
  const path = (name: string) => join(folder, name);
  const text = (name: string) => readFileSync(path(name), 'utf8');
  return {
    folder,
    env,
    path,
    text,
    rows: <T>(name: string) =>
      text(name)
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as T),
    node: (args, extra = {}) =>
      new Promise((resolve) => {
        const options = { cwd: folder, env: { ...env, ...extra }, maxBuffer: 1 << 26 };
        execFile(process.execPath, [...args], options, (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
        });
      }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
