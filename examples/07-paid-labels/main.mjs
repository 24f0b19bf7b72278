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
/** By Ctrl-C. */
const STOPPED = 130;

/** What the server does: it limits to 50 requests a second, and one request in ten goes wrong. */
const SETTINGS = {
  latencyMs: Number(process.env.LABELS_LATENCY_MS ?? 120),
  spreadMs: 80,
  nanoUsd: { perCall: 0, perInputToken: 3_000, perOutputToken: 15_000 },
  limit: { requests: 3_000, perMs: 60_000, burst: 10 },
  faults: { 'rate-limited': 0.03, error: 0.03, 'missing-id': 0.02, 'half-json': 0.02 },
  faultyFrom: 2,
  retryAfterMs: 300,
  // As most providers: each answer is charged.
  deduplicates: false,
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
 * @param {number} [budgetUsd] read by pipeline.ts
 * @returns {Promise<{ code: number, text: string }>}
 */
function run(url, words, budgetUsd = 0.5) {
  const isShown = !words.includes('--json');
  const child = spawn(process.execPath, [CLI, ...words], {
    cwd: at('../..'),
    stdio: ['inherit', isShown ? 'inherit' : 'pipe', 'inherit'],
    env: { ...process.env, LABELS_URL: url, LABELS_USD: String(budgetUsd) },
  });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (part) => (text += part));
  return new Promise((ended) => child.once('close', (code) => ended({ code: code ?? 130, text })));
}

// Ctrl-C: the pipeline pauses, saves and prints the command that resumes. This process waits for it.
process.on('SIGINT', () => {});
rmSync(BOOKS, { force: true });
const { url, end } = await startServer();
try {
  console.log('The server charges $3 for a million input tokens and $15 for a million output tokens.\n');
  const first = await run(url, ['run', at('pipeline.ts')]);
  if (first.code === STOPPED) process.exit(STOPPED);
  if (first.code !== PAUSED_BY_ITSELF)
    throw new Error(`The run ended with exit code ${first.code}, not ${PAUSED_BY_ITSELF}.`);
  console.log('\nExit code 7: the run paused by itself. The budget is raised to $5:\n');
  const second = await run(url, ['resume', 'last'], 5);
  if (second.code === STOPPED) process.exit(STOPPED);
  if (second.code !== 0) throw new Error(`The resume ended with exit code ${second.code}.`);
  const { text } = await run(url, ['show', 'last', '--json']);
  const spent = JSON.parse(text).spending.stages.label.certain.usd;
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
