#!/usr/bin/env node
/** The command `xstate-pipeline`. It exits explicitly: a handle that a stage left open must not keep the process running. */
import { commandLine } from './command-line.js';
import { Terminal } from './output/terminal.js';

const terminal = new Terminal();
void commandLine(process.argv.slice(2), terminal).then(async (code) => {
  await terminal.flush();
  process.exit(code);
});
