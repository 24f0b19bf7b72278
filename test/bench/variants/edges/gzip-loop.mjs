/** W12 by hand: `gunzip` in a process of its own, its output through the loop of W1. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { derive, normalise, select } from '../orders/w1-stages.mjs';

/** @param {{ input: string, output: string }} params */
export async function run({ input, output }) {
  const gunzip = spawn('gunzip', ['-c', input], { stdio: ['ignore', 'pipe', 'inherit'] });
  const sink = openSync(output, 'w');
  let rest = '';
  gunzip.stdout.setEncoding('utf8');
  for await (const chunk of gunzip.stdout) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    let text = '';
    for (const line of lines) {
      const row = derive(normalise(JSON.parse(line)));
      if (select(row)) text += `${JSON.stringify(row)}\n`;
    }
    writeSync(sink, text);
  }
  closeSync(sink);
}
