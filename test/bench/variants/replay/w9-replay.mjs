/** W9: a recorded run through today's machines, and for comparison the minimal cost of reading it. */
import { readFileSync } from 'node:fs';
import { replay } from 'xstate-pipeline/testing';
import { stages } from './w9-stages.mjs';

/** @param {{ recording: string, concurrency: number, how: 'parse' | 'replay' }} params */
export async function run({ recording, concurrency, how }) {
  if (how === 'parse') {
    for (const line of readFileSync(recording, 'utf8').split('\n')) if (line !== '') JSON.parse(line);
    return {};
  }
  const { ok, text } = await replay(stages(concurrency), recording);
  if (!ok) throw new Error(text);
  return {};
}
