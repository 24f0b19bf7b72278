/**
 * `init` writes a project that runs and whose tests pass as its README says, and overwrites nothing; `npm create xstate-pipeline`
 * calls it.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { freshFolder } from '../support/folders.js';
import { call, MAIN } from './command.js';

const exec = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const FILES = ['.gitignore', 'README.md', 'package.json', 'pipeline.test.ts', 'pipeline.ts', 'reviews.jsonl'];

/** What `npm install` makes of the project's package.json. */
function install(folder: string): void {
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  symlinkSync(root, join(modules, 'xstate-pipeline'));
  for (const name of ['xstate', 'jiti']) symlinkSync(join(root, 'node_modules', name), join(modules, name));
}

test('the project runs, and its tests pass', async () => {
  const folder = join(freshFolder(), 'My Reviews');
  const { code, stdout } = await call(['init', folder], { cwd: freshFolder() });
  expect(code).toBe(0);
  expect(stdout).toContain('npm install\n  npm start\n  npm test\n');
  expect(readdirSync(folder).sort()).toEqual(FILES);
  const { name, scripts, dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  expect(name).toBe('my-reviews');
  expect(Object.keys(dependencies)).toEqual(['xstate-pipeline', 'xstate']);
  install(folder);
  await exec(process.execPath, [MAIN, ...scripts.start.split(' ').slice(1)], { cwd: folder });
  expect(readFileSync(join(folder, 'labelled.jsonl'), 'utf8').trimEnd().split('\n')).toHaveLength(5);
  const { stdout: report } = await exec(process.execPath, scripts.test.split(' ').slice(1), { cwd: folder });
  expect(report).toMatch(/pass 2\n/);
});

test('a file that exists is named and kept', async () => {
  const folder = freshFolder();
  writeFileSync(join(folder, 'pipeline.ts'), 'mine');
  const { code, stderr } = await call(['init', folder], { cwd: folder });
  expect(code).toBe(2);
  expect(stderr).toContain(`init overwrites no file, and ${folder} has pipeline.ts. Name another folder`);
  expect(readdirSync(folder)).toEqual(['pipeline.ts']);
});

test('a folder that cannot be made is one line', async () => {
  const folder = freshFolder();
  writeFileSync(join(folder, 'file'), '');
  const { code, stderr } = await call(['init', join(folder, 'file', 'inside')], { cwd: folder });
  expect({ code, lines: stderr.trimEnd().split('\n').length }).toEqual({ code: 2, lines: 1 });
});

test('npm create xstate-pipeline calls it', async () => {
  const modules = join(freshFolder(), 'node_modules');
  cpSync(join(root, 'src/create'), join(modules, 'create-xstate-pipeline'), { recursive: true });
  symlinkSync(root, join(modules, 'xstate-pipeline'));
  const cwd = freshFolder();
  await exec(process.execPath, [join(modules, 'create-xstate-pipeline/main.js'), 'mine'], { cwd });
  expect(readdirSync(join(cwd, 'mine')).sort()).toEqual(FILES);
});
