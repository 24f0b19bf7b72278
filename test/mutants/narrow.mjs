/**
 * Puts each bug of `bugs.ts`, alone, into a copy of the sources, runs the one suite that has to notice, and prints what
 * caught it as a Markdown table: `node test/mutants/narrow.mjs [--save] [name of a bug …]`.
 *
 * Exits with 1 if the place of a bug is gone, a bug survives, or a suite fails without any bug. `--save` writes
 * docs/seeded-bugs.md, of all bugs only.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createJiti } from 'jiti';

const TIMEOUT_MS = 120_000;
const COPIED = ['src', 'machines', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts'];

const root = fileURLToPath(new URL('../..', import.meta.url));
const alias = {
  '#sha256': join(root, 'src/platform/sha256.node.ts'),
  '#platform': join(root, 'src/platform/platform.node.ts'),
  '#defaults': join(root, 'src/executor/defaults.node.ts'),
};
/** @type {typeof import('./bugs.js')} */
const { BUGS, seed } = await createJiti(import.meta.url, { alias }).import('./bugs.ts');
const { values, positionals: names } = parseArgs({
  options: { save: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const unknown = names.filter((name) => !BUGS.some((bug) => bug.name === name));
if (unknown.length > 0) {
  console.error(
    `There is no bug named ${unknown.join(', ')}. There are: ${BUGS.map(({ name }) => name).join(', ')}.`,
  );
  process.exit(1);
}
const chosen = names.length === 0 ? BUGS : BUGS.filter(({ name }) => names.includes(name));

// One copy, taken at once: the tree may change meanwhile.
const copy = mkdtempSync(join(tmpdir(), 'xstate-pipeline-bugs-'));
process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
for (const name of COPIED) cpSync(join(root, name), join(copy, name), { recursive: true });
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));

/**
 * @param {readonly string[]} suites
 * @returns {{ kind: 'passed' } | { kind: 'failed', test: string } | { kind: 'broken', why: string }}
 */
function run(suites) {
  const report = join(copy, 'report.json');
  rmSync(report, { force: true });
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const { error } = spawnSync(
    process.execPath,
    [vitest, 'run', '--bail=1', '--reporter=json', `--outputFile=${report}`, ...suites],
    { cwd: copy, stdio: 'ignore', timeout: TIMEOUT_MS, killSignal: 'SIGKILL' },
  );
  if (error !== undefined) return { kind: 'broken', why: `does not end within ${TIMEOUT_MS / 1000} s` };
  if (!existsSync(report)) return { kind: 'broken', why: 'does not run' };
  /** @type {{ success: boolean, testResults: { assertionResults: { fullName: string, status: string }[] }[] }} */
  const { success, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const first = tests.find(({ status }) => status === 'failed');
  if (first !== undefined) return { kind: 'failed', test: first.fullName };
  // A file that cannot be loaded proves nothing about the bug.
  if (!success || tests.length === 0) return { kind: 'broken', why: 'does not run' };
  return { kind: 'passed' };
}

// A suite that fails anyway would seem to catch everything.
for (const suite of new Set(chosen.map((bug) => bug.suite))) {
  const sound = run([suite]);
  if (sound.kind === 'passed') continue;
  console.error(
    `${suite} does not pass without any bug: ${sound.kind === 'failed' ? sound.test : sound.why}.`,
  );
  process.exit(1);
}

const rows = [];
let missed = 0;
let stale = 0;
for (const bug of chosen) {
  const { what, invariant, suite } = bug;
  let seeded;
  try {
    seeded = seed(bug);
  } catch (error) {
    stale++;
    console.error(String(error));
    continue;
  }
  writeFileSync(join(copy, seeded.path), seeded.text);
  const outcome = run([suite]);
  writeFileSync(join(copy, seeded.path), seeded.original);
  if (outcome.kind !== 'failed') missed++;
  const verdict =
    outcome.kind === 'failed'
      ? outcome.test
      : outcome.kind === 'passed'
        ? '**survived**'
        : `**${outcome.why}**`;
  const row = `| ${what} | ${invariant} | \`${suite}\`: ${verdict.replaceAll('|', '\\|')} |`;
  rows.push(row);
  console.log(row);
}

const table = `# Bugs put in on purpose

Each of these bugs was put, alone, into a copy of the sources, and the suite named beside it run: the table says which test
failed first. It is made by \`node test/mutants/narrow.mjs --save\`.

| bug | invariant | caught by |
|---|---|---|
${rows.join('\n')}
`;
console.log(`${rows.length - missed} caught, ${missed} not, ${stale} stale`);
if (values.save && names.length === 0 && stale === 0) writeFileSync(join(root, 'docs/seeded-bugs.md'), table);
process.exitCode = missed + stale > 0 ? 1 : 0;
