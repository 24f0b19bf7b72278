/** `init [folder]`: a new project with a pipeline, its tests and a README. It overwrites no file. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, relative, resolve } from 'node:path';
import { InvalidOptionError } from '../../errors.js';
import { problemOf } from '../../platform/file-problems.js';
import { COMPLETED } from '../exit-codes.js';
import type { Terminal } from '../output/terminal.js';
import { projectFiles } from './init-files.js';

interface Manifest {
  readonly version: string;
  readonly peerDependencies: { readonly xstate: string };
  readonly dependencies: { readonly jiti: string };
}

/** @param given the project's folder; made if it does not exist.
 * @returns the exit code. @throws {InvalidOptionError} if a file of the project exists, or cannot be written. */
export function init(given: string, terminal: Terminal): number {
  const folder = resolve(given);
  const own = createRequire(import.meta.url)('xstate-pipeline/package.json') as Manifest;
  const files = projectFiles({
    name: packageName(basename(folder)),
    version: own.version,
    xstate: own.peerDependencies.xstate,
    jiti: own.dependencies.jiti,
  });
  const names = Object.keys(files);
  const existing = names.filter((name) => existsSync(join(folder, name)));
  if (existing.length > 0)
    throw new InvalidOptionError(
      `init overwrites no file, and ${folder} has ${existing.join(', ')}. Name another folder: xstate-pipeline init my-pipeline`,
    );
  try {
    mkdirSync(folder, { recursive: true });
    for (const name of names) writeFileSync(join(folder, name), files[name] ?? '', { flag: 'wx' });
  } catch (error) {
    throw new InvalidOptionError(`init cannot write to ${folder}: ${problemOf(error)}.`, { cause: error });
  }
  const where = relative(process.cwd(), folder);
  const enter = where === '' ? '' : `  cd ${where}\n`;
  terminal.write(`${names.join('  ')}\n\nNext:\n${enter}  npm install\n  npm start\n  npm test\n`);
  return COMPLETED;
}

/** A name that npm accepts. */
function packageName(folder: string): string {
  const name = folder
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+|-+$/g, '');
  return name === '' ? 'my-pipeline' : name.slice(0, 200);
}
