/**
 * The one test command, the same for people and for CI: `npm test`, or `node test/run.mjs [check …]` for some of it.
 *
 * Plain Node, no packages, so that it runs on a fresh clone. It checks Node's version, installs what package-lock.json
 * asks for when node_modules does not hold it, and runs every check, two at a time where they do not need the machine
 * to themselves. It stops at nothing, sums up, and exits with 1 if anything failed. The last line is always
 * `N passed, N failed`, for other programs: the tests of all vitest runs and the other checks.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'xstate-pipeline-test-'));
/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/**
 * @typedef {{ passed: number, failed: number, output?: string, note?: string, failures?: readonly string[] }} Outcome
 *   Tests or checks, what a check printed (nothing if it was shown live), a remark for its line, and a line for each test
 *   that failed.
 * @typedef {{ name: string, title: string, alone?: boolean, run: () => Promise<Outcome> }} Check  `alone`: it is shown
 *   live and has the machine to itself.
 */

/** What is different in XState's development build: whether and how actors persist. */
const TESTS_OF_PERSISTENCE = [
  'test/machines',
  'test/executor',
  'test/checkpoint',
  'test/house/xstate-build.test.ts',
];

/** @type {Check[]} In the order of their lines; a check may count on the ones above it having been tried. */
const CHECKS = [
  { name: 'build', title: 'build', run: build },
  {
    name: 'lint',
    title: 'format and lint',
    run: () => tool('@biomejs/biome', 'biome', ['ci', '--error-on-warnings', '.']),
  },
  { name: 'types', title: 'types', run: () => tool('typescript', 'tsc', ['-p', 'test']) },
  {
    name: 'types-browser',
    title: 'types, without Node',
    run: () => tool('typescript', 'tsc', ['-p', 'test/house/tsconfig.browser.json']),
  },
  { name: 'layers', title: 'layers', run: () => cruise('.dependency-cruiser.cjs') },
  { name: 'layers-browser', title: 'layers, browser', run: () => cruise('.dependency-cruiser.browser.cjs') },
  {
    name: 'unused',
    title: 'unused code',
    run: () => tool('knip', 'knip', ['--no-progress', '--treat-config-hints-as-errors']),
  },
  {
    name: 'api',
    title: 'every public symbol is documented',
    run: () => tool('typedoc', 'typedoc', ['--emit', 'none']),
  },
  { name: 'tests', title: 'tests', alone: true, run: () => vitest('tests', [], {}) },
  {
    name: 'tests-development',
    title: "tests of persistence, XState's development build",
    alone: true,
    run: () =>
      vitest('tests-development', TESTS_OF_PERSISTENCE, {
        NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --conditions=development`,
      }),
  },
];

/**
 * Runs a process in the repository; never rejects.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ live?: boolean, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
function run(command, args, { live = false, env = {} } = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', live ? 'inherit' : 'pipe', live ? 'inherit' : 'pipe'],
    });
    running.add(child);
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => (output += text));
    child.stderr?.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', (error) => done({ ok: false, output: `${command}: ${error.message}` }));
    child.on('close', (code, signal) => {
      running.delete(child);
      done({ ok: code === 0, output: signal ? `${output}\nended by ${signal}` : output });
    });
  });
}

/**
 * The file behind a package's command, so that no shell and no npx stands between.
 * @param {string} name
 * @param {string} command
 */
function bin(name, command) {
  const folder = join(root, 'node_modules', name);
  const { bin: entry } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return resolve(folder, typeof entry === 'string' ? entry : entry[command]);
}

/**
 * One check that is one process.
 * @param {string} name
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<Outcome>}
 */
async function tool(name, command, args) {
  const { ok, output } = await run(process.execPath, [bin(name, command), ...args]);
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, output: ok ? '' : output };
}

/** @param {string} config */
const cruise = (config) =>
  tool('dependency-cruiser', 'depcruise', [
    'src',
    'machines',
    '--config',
    config,
    '--output-type',
    'err-long',
  ]);

/**
 * Both packages: this one and the inspector's.
 * @returns {Promise<Outcome>}
 */
async function build() {
  const scripts = ['test/build.mjs', 'src/inspector/build.mjs'];
  const results = await Promise.all(scripts.map((script) => run(process.execPath, [join(root, script)])));
  const problems = results.filter(({ ok }) => !ok).map(({ output }) => output);
  return { passed: problems.length ? 0 : 1, failed: problems.length ? 1 : 0, output: problems.join('\n') };
}

/**
 * Runs vitest, shown live, and counts from its JSON report. A run that reports nothing, or fails without a failed
 * test (an unhandled rejection, a file that does not load), counts as one failure more.
 * @param {string} name
 * @param {readonly string[]} files
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Outcome>}
 */
async function vitest(name, files, env) {
  const report = join(scratch, `${name}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const args = [bin('vitest', 'vitest'), 'run', ...reporters, ...files];
  const { ok } = await run(process.execPath, args, { live: true, env });
  if (!existsSync(report)) return { passed: 0, failed: 1, note: 'vitest left no report' };
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  const failures = testResults.flatMap(failuresOf);
  const failed = Math.max(numFailedTests, failures.length);
  const skipped = numPendingTests + numTodoTests;
  return {
    passed: numPassedTests,
    failed: ok || failed > 0 ? failed : 1,
    note: `${numPassedTests} tests${skipped ? `, ${skipped} skipped` : ''}`,
    failures,
  };
}

/**
 * A line for each failed test of a file, or for the file if it did not load.
 * @param {{ name: string, status: string, message: string, assertionResults: {
 *   status: string, fullName: string, failureMessages: string[] }[] }} file
 */
function failuresOf({ name, status, message, assertionResults }) {
  const line = (/** @type {string} */ title, why = '') =>
    `${relative(root, name)}  ${title}: ${why.split('\n')[0]}`;
  if (assertionResults.length === 0) return status === 'failed' ? [line('did not load', message)] : [];
  return assertionResults
    .filter((test) => test.status === 'failed')
    .map(({ fullName, failureMessages }) => line(fullName, failureMessages[0]));
}

/** Why node_modules does not hold what package-lock.json asks for, or undefined if it does. */
function whyInstall() {
  const installedList = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installedList)) return 'node_modules is missing';
  const { packages: wanted } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const { packages: installed } = JSON.parse(readFileSync(installedList, 'utf8'));
  for (const [path, { version, optional, link }] of Object.entries(wanted)) {
    if (!path.includes('node_modules/') || link) continue;
    const found = installed[path]?.version;
    if (found === undefined && optional) continue; // for another operating system
    if (found !== version) return `package-lock.json asks for ${path} ${version}, found ${found ?? 'none'}`;
  }
  return undefined;
}

/** @param {number} milliseconds */
const seconds = (milliseconds) => `${(milliseconds / 1000).toFixed(1)} s`;

/**
 * Runs one check and prints its line.
 * @param {Check} check
 */
async function perform(check) {
  if (check.alone) console.log(`\n# ${check.title}`);
  const start = performance.now();
  const outcome = await check.run();
  const mark = outcome.failed ? 'FAILED' : 'ok';
  const note = outcome.note ? `  ${outcome.note}` : '';
  const line = `${mark.padEnd(6)}  ${check.title}  ${seconds(performance.now() - start)}${note}`;
  console.log(outcome.output ? `${line}\n${outcome.output.trimEnd().replace(/^/gm, '        ')}` : line);
  return { ...outcome, line };
}

/**
 * @param {string} message
 * @param {number} code
 */
function leave(message, code) {
  console.error(message);
  if (code === 1) console.log('0 passed, 1 failed');
  process.exit(code);
}

/** @param {readonly string[]} names */
async function main(names) {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    leave(`Node ${process.versions.node} is too old: xstate-pipeline needs 20.19 or newer`, 1);
  }
  const unknown = names.find((name) => !CHECKS.some((check) => check.name === name));
  if (unknown) leave(`no check ${unknown}; there are ${CHECKS.map(({ name }) => name).join(', ')}`, 2);

  const reason = whyInstall();
  if (reason) {
    console.log(`npm ci: ${reason}`);
    const { ok, output } = await run('npm', ['ci', '--no-audit', '--no-fund']);
    if (!ok) leave(`npm ci failed:\n${output}`, 1);
  }

  const start = performance.now();
  const chosen = CHECKS.filter((check) => names.length === 0 || names.includes(check.name));
  const waiting = chosen.filter((check) => !check.alone);
  /** @type {Awaited<ReturnType<typeof perform>>[]} */
  const outcomes = [];
  const lane = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) outcomes.push(await perform(check));
  };
  await Promise.all([lane(), lane()]);
  for (const check of chosen.filter(({ alone }) => alone)) outcomes.push(await perform(check));

  const lines = outcomes.flatMap(({ line, failures = [] }) => [
    line,
    ...failures.map((failure) => `        ${failure}`),
  ]);
  console.log(`\n${lines.join('\n')}\n${seconds(performance.now() - start)} in all`);
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}

process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.on(signal, () => {
    for (const child of running) child.kill(signal);
    process.exit(signal === 'SIGINT' ? 130 : 143);
  });
}

await main(process.argv.slice(2));
