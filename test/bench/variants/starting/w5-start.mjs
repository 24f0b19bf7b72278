/** W5: process start to first new batch, from a fresh start or from the state that a killed run left in `dir`. */
import { fileURLToPath } from 'node:url';
import { firstOutput } from './first-output.mjs';

const PROCESS = fileURLToPath(new URL('../orders/orders-process.mjs', import.meta.url));

/** @param {{ input: string, output: string, dir: string, how: 'fresh' | 'resume' | 'bare' }} params */
export async function run({ input, output, dir, how }) {
  if (how === 'bare')
    return { firstBatchMs: await firstOutput(['-e', 'console.log("first batch")'], 'first batch') };
  const words = [PROCESS, input, output, `${dir}/state`, how];
  return { firstBatchMs: await firstOutput(words, 'first batch') };
}
