/**
 * `npm start`: the main example and the one of paid work, also on a fresh clone. Plain Node, no packages: it checks Node's version, installs and builds
 * what is missing, runs the examples through the command line, and prints where the output is and what to try next.
 */
import { spawn } from 'node:child_process';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (/** @type {string} */ path) => join(root, path);
const JOB = 'examples/02-wildlife-strikes/pipeline.ts';
const REPORT = 'examples/02-wildlife-strikes/report.ts';
const LABELS = 'examples/07-paid-labels/main.mjs';

/**
 * Runs a process in the repository; its output is shown, or kept for the caller.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {'shown' | 'kept'} output
 * @returns {Promise<{ code: number, text: string }>}
 */
function run(command, args, output) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: output === 'shown' ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (part) => (text += part));
    child.stderr?.setEncoding('utf8').on('data', (part) => (text += part));
    child.on('error', (error) => resolve({ code: 1, text: error.message }));
    child.on('close', (code, signal) => resolve({ code: code ?? (signal === 'SIGINT' ? 130 : 1), text }));
  });
}

/** @param {string} path @returns {number} time of the newest file under it, 0 if there is none */
function newest(path) {
  if (!existsSync(path)) return 0;
  if (statSync(path).isFile()) return statSync(path).mtimeMs;
  return Math.max(
    0,
    ...readdirSync(path, { withFileTypes: true }).map((entry) => newest(join(path, entry.name))),
  );
}

/**
 * Runs one step of the preparation, and prints it.
 * @param {string} what @param {string} command @param {readonly string[]} args
 */
async function prepare(what, command, args) {
  console.log(`${what} …`);
  const { code, text } = await run(command, args, 'kept');
  if (code === 0) return;
  console.error(`${command} ${args.join(' ')} failed:\n${text}`);
  process.exit(1);
}

/** @param {string} path @param {number} count */
async function firstLines(path, count) {
  /** @type {string[]} */
  const lines = [];
  for await (const line of createInterface({ input: createReadStream(path) })) {
    lines.push(line);
    if (lines.length === count) break;
  }
  return lines;
}

/** Sums up the service's ledger of a session. @param {string} session */
function bill(session) {
  const entries = readFileSync(at('out/strikes/ledger.jsonl'), 'utf8').trimEnd().split('\n');
  const own = entries.map((line) => JSON.parse(line)).filter(({ key }) => key.startsWith(session));
  const cents = own.reduce((sum, entry) => sum + entry.cents, 0);
  const refused = own.filter(({ status }) => status !== 200).length;
  return `${own.length} requests, ${refused} refused and repeated, $${(cents / 100).toFixed(2)} charged`;
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node ${process.versions.node} is too old: this needs 20.19 or newer.`);
  process.exit(1);
}
// Ctrl-C is for the child: it pauses, saves and prints the command that resumes. This process waits for it.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});

if (!existsSync(at('node_modules/.package-lock.json')))
  await prepare('Installing packages (npm ci)', 'npm', ['ci', '--no-audit', '--no-fund']);
if (newest(at('dist/src/cli/main.js')) < Math.max(newest(at('src')), newest(at('machines'))))
  await prepare('Building dist (tsc)', process.execPath, ['test/run.mjs', 'build']);

const cli = at('dist/src/cli/main.js');
console.log(
  '10,000 collisions of aircraft with wildlife: clean, civil flights only, locate, assess by a slow service.\n',
);
const job = await run(process.execPath, [cli, 'run', JOB, ...process.argv.slice(2)], 'shown');
if (job.code !== 0) process.exit(job.code);
const report = await run(process.execPath, [cli, 'run', REPORT, '--quiet'], 'kept');
if (report.code !== 0) {
  console.error(report.text);
  process.exit(report.code);
}

const output = at('out/strikes/assessed.jsonl');
const table = at('out/strikes/damaging.csv');
const [last = ''] = readFileSync(at('out/strikes/ledger.jsonl'), 'utf8').trimEnd().split('\n').slice(-1);
const session = JSON.parse(last).key.split(':')[0];
console.log(`
The service's own books: ${bill(session)}.

${relative(process.cwd(), output)}, its first rows:
${(await firstLines(output, 2)).join('\n')}

${relative(process.cwd(), table)}, the strikes that did damage, written by a second pipeline:
${(await firstLines(table, 4)).join('\n')}

`);

console.log('Paid work: 3,200 films labelled by a model that charges, under a budget of half a dollar.');
const labels = await run(process.execPath, [LABELS], 'shown');
if (labels.code !== 0) process.exit(labels.code);

console.log(`
What to try next:
  npm start                         and Ctrl-C while it runs: it pauses, saves and prints the command that resumes
  npm start                         and kill -9 it from another terminal; then:
  npx xstate-pipeline sessions      what is stored
  npx xstate-pipeline resume <id>   resumes; no batch that the service has answered is requested again
  npx xstate-pipeline diagram       the statechart as Mermaid
`);
