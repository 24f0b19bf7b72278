/**
 * Runs the example: starts the server that charges, runs the pipeline until its budget is used up, resumes it with a larger one,
 * and compares the server's books with what the pipeline says it spent.
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { readBooks } from './server/books.mjs';

const at = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const BOOKS = at('../../out/paid-labels/books.jsonl');
const CLI = at('../../dist/src/cli/main.js');
const PAUSED_BY_ITSELF = 7;

/** What the server does: it limits to 25 requests a second, and one request in eight goes wrong. */
const SETTINGS = {
  latencyMs: Number(process.env.LABELS_LATENCY_MS ?? 120),
  spreadMs: 80,
  nanoUsd: { perCall: 0, perInputToken: 3_000, perOutputToken: 15_000 },
  limit: { requests: 1_500, perMs: 60_000, burst: 10 },
  faults: { 'rate-limited': 0.03, error: 0.03, cut: 0.02, 'missing-id': 0.02, 'half-json': 0.02 },
  faultyFrom: 2,
  retryAfterMs: 300,
};

/** @returns {Promise<{ url: string, end(): void }>} */
async function startServer() {
  const words = [at('./server/main.mjs'), '--books', BOOKS, '--settings', JSON.stringify(SETTINGS)];
  const child = spawn(process.execPath, [...words, '--until-stdin-ends'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const url = await new Promise((started) => createInterface({ input: child.stdout }).once('line', started));
  return { url, end: () => child.kill() };
}

/**
 * Runs the command line; what it prints is shown, or returned with `--json`.
 * @param {string} url
 * @param {readonly string[]} words
 * @returns {Promise<{ code: number, text: string }>}
 */
function run(url, words) {
  const isShown = !words.includes('--json');
  const child = spawn(process.execPath, [CLI, ...words], {
    cwd: at('../..'),
    stdio: ['inherit', isShown ? 'inherit' : 'pipe', 'inherit'],
    env: { ...process.env, LABELS_URL: url },
  });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (part) => (text += part));
  return new Promise((ended) => child.once('close', (code) => ended({ code: code ?? 130, text })));
}

rmSync(BOOKS, { force: true });
const { url, end } = await startServer();
try {
  console.log('The server charges $3 for a million input tokens and $15 for a million output tokens.\n');
  const first = await run(url, ['run', at('pipeline.ts')]);
  if (first.code !== PAUSED_BY_ITSELF)
    throw new Error(`The run ended with exit code ${first.code}, not ${PAUSED_BY_ITSELF}.`);
  console.log('\nExit code 7: the run paused by itself. The budget is raised to $5:\n');
  const second = await run(url, ['resume', 'last', '--budget', 'usd=5']);
  if (second.code !== 0) throw new Error(`The resume ended with exit code ${second.code}.`);
  const { text } = await run(url, ['show', 'last', '--json']);
  const spent = JSON.parse(text).metrics.spending.total.usd;
  const books = readBooks(BOOKS);
  const charged = books.reduce((sum, entry) => sum + entry.nanoUsd, 0) / 1e9;
  const refused = books.filter(({ status }) => status !== 200).length;
  console.log(`
The server's own books: ${books.length} requests, ${refused} refused and repeated, $${charged.toFixed(4)} charged.
The pipeline says: $${spent.toFixed(4)} spent.`);
  if (Math.abs(charged - spent) >= 0.005) throw new Error('The books do not agree.');
} finally {
  end();
}
