/** Runs one variant once, in a process of its own, and returns its figures. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {Record<string, number | string>} Figures seconds, cpuSeconds, peakMb, and what the variant adds
 * @typedef {{ name: string, file: URL, params: Record<string, unknown> }} Variant
 */

/** A child that hangs is a result, too. */
const PATIENCE_MS = 20 * 60_000;
const CHILD = fileURLToPath(new URL('child.mjs', import.meta.url));
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * @param {Variant} variant
 * @param {Record<string, unknown>} more
 * @returns {Promise<Figures>}
 */
export function measure({ file, params }, more = {}) {
  const task = JSON.stringify({ file: file.href, params: { ...params, ...more } });
  const child = spawn(process.execPath, [CHILD, task], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  });
  running.add(child);
  return new Promise((done, fail) => {
    /** @type {Figures | undefined} */
    let figures;
    let errors = '';
    child.on('message', (message) => (figures = /** @type {Figures} */ (message)));
    child.stderr?.setEncoding('utf8').on('data', (text) => (errors = (errors + text).slice(-4_000)));
    child.on('error', fail);
    child.on('close', (code, signal) => {
      running.delete(child);
      if (figures !== undefined) done(figures);
      else fail(new Error(`${reasonIn(errors) ?? `ended with ${signal ?? code} and no figures`}`));
    });
  });
}

/**
 * The line of a crash's output that says why, without where on this machine.
 * @param {string} errors
 */
function reasonIn(errors) {
  const line = errors.split('\n').find((text) => /^\S*(Error|Exception)\b/.test(text));
  return line?.replaceAll(ROOT, '').slice(0, 300);
}
