#!/usr/bin/env node
/** `npm create xstate-pipeline [folder]`: calls `xstate-pipeline init`, of the version that npm has installed beside it. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const manifest = createRequire(import.meta.url).resolve('xstate-pipeline/package.json');
const command = join(dirname(manifest), 'dist/src/cli/main.js');
const { status } = spawnSync(process.execPath, [command, 'init', ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
