/**
 * Runs a range of seeds: `node test/simulation/simulate.mjs --seeds 5000 --from 1`. Exits with 1 if one fails.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1000' }, from: { type: 'string', default: '1' } },
});
const root = fileURLToPath(new URL('../..', import.meta.url));
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/simulation', '-t', 'seeds from'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, XSTATE_PIPELINE_SEEDS: values.seeds, XSTATE_PIPELINE_SEED: values.from },
});
process.exit(status ?? 1);
