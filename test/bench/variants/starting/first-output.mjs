/** Time from the start of a process to its first output. */
import { spawn } from 'node:child_process';

/**
 * Milliseconds from spawning `node …words` to the first output that holds `sign`; then the process is killed.
 * @param {string[]} words
 * @param {string} sign
 * @param {{ cwd?: string }} [options]
 * @returns {Promise<number>}
 */
export function firstOutput(words, sign, { cwd } = {}) {
  const before = performance.now();
  const child = spawn(process.execPath, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd ? { cwd } : {}),
  });
  return new Promise((done, fail) => {
    let output = '';
    let errors = '';
    let milliseconds = Number.NaN;
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output = (output + text).slice(-4_000);
      if (!Number.isNaN(milliseconds) || !output.includes(sign)) return;
      milliseconds = performance.now() - before;
      child.kill('SIGKILL');
    });
    child.stderr.setEncoding('utf8').on('data', (text) => (errors = (errors + text).slice(-2_000)));
    child.on('error', fail);
    child.on('close', (code) => {
      if (Number.isNaN(milliseconds)) fail(new Error(`ended with ${code} before it said ${sign}: ${errors}`));
      else done(milliseconds);
    });
  });
}
