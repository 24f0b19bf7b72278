/**
 * `npm run bench`: runs workloads, prints tables, writes JSON. BENCHMARKS.md explains the figures.
 *
 * Every variant runs in a fresh process (harness/child.mjs), and imports the compiled build in dist.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readArguments, USAGE, UsageError } from './harness/arguments.mjs';
import { describeMachine } from './harness/machine.mjs';
import { havePeers, installPeers } from './harness/peers.mjs';
import { runCase } from './harness/run-case.mjs';
import { caseTable } from './harness/tables.mjs';
import { WORKLOADS } from './workloads/index.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const work = join(root, 'out/bench/work');

/** @param {import('./harness/arguments.mjs').Arguments} options */
async function bench({ workloads, runs: wantedRuns, rows, only, peers, quick, out }) {
  if (!existsSync(join(root, 'dist/src/index.js')))
    throw new UsageError('There is no build: npm run build first.');
  const withPeers = peers && (quick ? havePeers() : installPeers());
  if (!withPeers) console.log("Without others' packages.");
  const machine = describeMachine();
  let failed = false;
  for (const workload of WORKLOADS.filter(({ name }) => workloads.includes(name))) {
    const { name, title, unit } = workload;
    const size = rows ?? (quick ? workload.quickSize : workload.size);
    const runs = wantedRuns ?? workload.runs ?? 5;
    console.log(
      `\n${name}  ${title}: ${size.toLocaleString('en')} ${unit}${runs === 0 ? '' : `, ${runs} runs`}`,
    );
    const cases = [];
    mkdirSync(work, { recursive: true });
    const all = workload.cases({ size, dir: work });
    for (const one of quick ? withoutRepeats(all) : all) {
      console.log(`\n${name}, ${one.name}`);
      const variants = await runCase(one, { runs, only, peers: withPeers, say: console.log });
      const { baseline, figure, better, columns } = one;
      const result = { name: one.name, baseline, figure, better, unit: one.unit, columns, variants };
      cases.push(result);
      failed ||= variants.some(({ failure }) => failure !== undefined);
      console.log(`\n${caseTable(result)}`);
    }
    rmSync(work, { recursive: true, force: true });
    keep(resolve(root, out), name, { title, size, unit, runs, machine, cases });
  }
  console.log(`\nresults: ${out}`);
  return failed ? 1 : 0;
}

/**
 * One case of those that have the same variants.
 * @param {import('./harness/run-case.mjs').Case[]} cases
 */
const withoutRepeats = (cases) => [...new Map(cases.map((one) => [one.variants, one])).values()];

/**
 * @param {string} file
 * @param {string} workload
 * @param {object} result
 */
function keep(file, workload, result) {
  const all = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ ...all, [workload]: result }, null, 2)}\n`);
}

try {
  const known = {
    workloads: WORKLOADS.map(({ name }) => name),
    variants: [...new Set(WORKLOADS.flatMap(({ variants }) => variants))],
  };
  process.exitCode = await bench(readArguments(process.argv.slice(2), known));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
