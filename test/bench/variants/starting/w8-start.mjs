/** W8: from the shell to the first batch: the command line with a pipeline file, and bare Node for comparison. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { firstOutput } from './first-output.mjs';

const COMMAND = fileURLToPath(new URL('../../../../dist/src/cli/main.js', import.meta.url));

/** @param {{ input: string, output: string, dir: string, how: 'bare' | 'js' | 'ts' }} params */
export async function run({ input, output, dir, how }) {
  if (how === 'bare') return { firstBatchMs: await firstOutput(['-e', 'console.log("here")'], 'here') };
  mkdirSync(dir, { recursive: true });
  const file = `${dir}/orders.${how === 'ts' ? 'ts' : 'mjs'}`;
  writeFileSync(file, pipelineFile(input, output, how));
  const words = [COMMAND, 'run', file, '--json', '--state-dir', `${dir}/state`];
  return { firstBatchMs: await firstOutput(words, '"batch.started"', { cwd: dir }) };
}

/** @param {string} input @param {string} output @param {'js' | 'ts'} how */
const pipelineFile = (input, output, how) => `
import { map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
${how === 'ts' ? 'type Order = { name: string };' : ''}
export default pipeline('start')
  .from(jsonl${how === 'ts' ? '<Order>' : ''}(${JSON.stringify(input)}))
  .pipe(map('tidy', (row) => ({ ...row, name: row.name.trim() })))
  .to(jsonl(${JSON.stringify(output)}));
`;
