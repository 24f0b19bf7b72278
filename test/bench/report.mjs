/**
 * `node test/bench/report.mjs`: writes the tables of test/bench/results.json into the marked regions of BENCHMARKS.md
 * (between `<!-- W1 -->` and `<!-- /W1 -->`). With `--check` it writes nothing and ends with 1 if a region differs.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { caseTable } from './harness/tables.mjs';

const page = new URL('../../BENCHMARKS.md', import.meta.url);
const results = new URL('results.json', import.meta.url);

/**
 * @typedef {{ cpu: string, cores: number, memoryGb: number, system: string, node: string, version: string, commit: string, loadBefore: number, at: string }} Machine
 * @typedef {{ title: string, size: number, unit: string, runs: number, machine: Machine, cases: import('./harness/tables.mjs').CaseResult[] }} Result
 */

/** @param {string} name @param {Result | undefined} result */
function region(name, result) {
  if (result === undefined) return `Not among the published figures: \`npm run bench -- ${name}\`.`;
  const { size, unit, runs, machine, cases } = result;
  const about = `${size.toLocaleString('en')} ${unit}, ${runs} runs, ${machine.at.slice(0, 10)}, commit ${machine.commit}, load before ${machine.loadBefore}.`;
  return [about, ...cases.map((one) => `**${one.name}**\n\n${caseTable(one)}`)].join('\n\n');
}

/** @param {Record<string, Result>} all */
function machines(all) {
  const lines = Object.values(all).map(
    ({ machine: { cpu, cores, memoryGb, system, node } }) =>
      `${cores} cores of ${cpu}, ${memoryGb} GB of memory, ${system}, Node ${node}.`,
  );
  return [...new Set(lines)].join('\n\n') || 'No figures are published yet.';
}

/** @type {Record<string, Result>} */
const all = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : {};
const before = readFileSync(page, 'utf8');
const after = before.replace(
  /<!-- (W\d|machine) -->\n[\s\S]*?<!-- \/\1 -->/g,
  (_, name) =>
    `<!-- ${name} -->\n${name === 'machine' ? machines(all) : region(name, all[name])}\n<!-- /${name} -->`,
);
if (process.argv.includes('--check')) process.exitCode = after === before ? 0 : 1;
else writeFileSync(page, after);
