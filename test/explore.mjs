/**
 * Runs the random tests with other seeds: `node test/explore.mjs --seeds 20 --from 1 [test file or folder …]`.
 *
 * Without files, all tests that use fast-check or `test/support/seed.ts`. A failed seed prints the command that runs it again.
 * Exits with 1 if a seed fails. The simulation has a command of its own, `test/simulation/simulate.mjs`.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: 'string', default: '20' }, from: { type: 'string', default: '1' } },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const RANDOM = /from 'fast-check'|support\/seed\.js'/;
const random = readdirSync(`${root}/test`, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts') && RANDOM.test(readFileSync(`${root}/test/${path}`, 'utf8')))
  .map((path) => `test/${path}`);
const files = positionals.length > 0 ? positionals : random;

const from = Number(values.from);
const failed = [];
for (let seed = from; seed < from + Number(values.seeds); seed++) {
  const { status, stdout } = spawnSync(process.execPath, [vitest, 'run', ...files], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', XSTATE_PIPELINE_SEED: String(seed) },
  });
  console.log(`seed ${seed}: ${status === 0 ? 'passed' : 'FAILED'}`);
  if (status === 0) continue;
  failed.push(seed);
  console.log(stdout);
  console.log(`To run it again: node test/explore.mjs --from ${seed} --seeds 1 ${positionals.join(' ')}`);
}
process.exit(failed.length === 0 ? 0 : 1);
