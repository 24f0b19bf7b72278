#!/usr/bin/env node
/**
 * The command `xstate-pipeline`. It exits explicitly: a handle that a stage left open must not keep the process running.
 *
 * Everything else is loaded after Node's compile cache is on (Node 22.8 and later; `NODE_DISABLE_COMPILE_CACHE=1` turns it off).
 */
import module from 'node:module';

// Not in the types of Node 20.
(module as { readonly enableCompileCache?: () => unknown }).enableCompileCache?.();
const [{ commandLine }, { Terminal }] = await Promise.all([
  import('./command-line.js'),
  import('./output/terminal.js'),
]);

const terminal = new Terminal();
void commandLine(process.argv.slice(2), terminal).then(async (code) => {
  await terminal.flush();
  process.exit(code);
});
