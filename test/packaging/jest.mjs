/**
 * Proves the recipe of docs/testing.md for jest: packs the build in `dist`, installs it with jest into an empty project, and runs
 * `jest-consumer` there. It installs 200 packages from the registry, so `npm test` leaves it out: `node test/packaging/jest.mjs`.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const JEST = 'jest@30';
const root = fileURLToPath(new URL('../..', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'xstate-pipeline-jest-'));
/** @param {string} command @param {string[]} args @param {string} cwd */
const run = (command, args, cwd) => execFileSync(command, args, { cwd, encoding: 'utf8' });

try {
  const packed = run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', project], root);
  const tarball = packed.trim().split('\n').at(-1) ?? '';
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  run('npm', ['install', '--no-audit', '--no-fund', `./${tarball}`, 'xstate', JEST], project);
  cpSync(fileURLToPath(new URL('jest-consumer', import.meta.url)), project, { recursive: true });
  execFileSync('node', ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js'], {
    cwd: project,
    stdio: 'inherit',
  });
} finally {
  rmSync(project, { recursive: true, force: true });
}
