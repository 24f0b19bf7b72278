/**
 * An input that changes between a kill and the resume, at any moment of the run, committed or not.
 *
 * Pinned: I15 (identity is compared from the first byte that was read), I26 (no answer of other rows is used): the resume is
 * refused, or its output is the one of the changed input; an input that has grown is accepted, and nothing is invoked again.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { seededRandom } from 'xstate-pipeline';
import { KilledRun } from './killed-run.js';

const SEED = Number(process.env.XSTATE_PIPELINE_SEED ?? 13);
const KILLS = Number(process.env.XSTATE_PIPELINE_INPUT_KILLS ?? 2);
const STAGES = [
  { name: 'tidy', durable: false, concurrency: 0 },
  { name: 'paid', durable: true, concurrency: 4 },
];

const CHANGES: Readonly<Record<string, (lines: string[]) => string[]>> = {
  replaced: (lines) => lines.map((line) => line.replace('row', 'new')),
  'replaced in the middle by other rows': (lines) => [...lines.slice(0, 1_200), ...lines.slice(600, 1_400)],
  grown: (lines) => [...lines, ...lines.slice(0, 100)],
  cut: (lines) => lines.slice(0, -150),
  'edited at its end': (lines) => lines.map((line, i) => (i === 1_990 ? line.replace('row', 'new') : line)),
};

const random = seededRandom(SEED);
/** The first before anything is committed. */
const KILL_AFTER = Array.from({ length: KILLS }, (_, i) => 1 + Math.floor(random() * (i === 0 ? 8 : 80)));

describe.each(KILL_AFTER)(`killed after %i events (seed ${SEED})`, (killAfter) => {
  test.each(Object.keys(CHANGES))(
    'the input is %s',
    async (name) => {
      const run = new KilledRun(2_000, STAGES, 64);
      const killed = await run.runProcess(null, killAfter);
      const input = join(run.folder, 'in.jsonl');
      const lines = readFileSync(input, 'utf8').split('\n').slice(0, -1);
      const changed = (CHANGES[name] as (typeof CHANGES)[string])(lines);
      writeFileSync(input, `${changed.join('\n')}\n`);

      const resumed = await run.runProcess(killed.sessionId);
      const mayBeRefused = name !== 'grown';
      if (!resumed.completed && mayBeRefused) {
        expect(resumed.stderr).toContain('PIPELINE_MISMATCH');
        return;
      }
      expect(resumed.completed, resumed.stderr).toBe(true);
      await run.runProcess(null, undefined, 'golden.jsonl');
      expect(run.output()).toBe(run.output('golden.jsonl'));
      if (name !== 'grown') return;
      const invoked = new Set(resumed.invoked.map((line) => line.split(' ').slice(1, 3).join(' ')));
      expect(killed.durable.filter((batch) => invoked.has(batch))).toEqual([]);
    },
    30_000,
  );
});

test.each(['replaced', 'cut', 'edited at its end'])(
  'nothing is committed, and the input is %s: it is read from its beginning',
  async (name) => {
    const run = new KilledRun(2_000, STAGES, 64);
    const killed = await run.runProcess(null, 2);
    const input = join(run.folder, 'in.jsonl');
    const lines = readFileSync(input, 'utf8').split('\n').slice(0, -1);
    writeFileSync(input, `${(CHANGES[name] as (typeof CHANGES)[string])(lines).join('\n')}\n`);
    const resumed = await run.runProcess(killed.sessionId);
    expect(resumed.completed, resumed.stderr).toBe(true);
    expect(resumed.notices).toMatch(
      /The input has (changed since the session began|become shorter)\. Nothing was committed/,
    );
    await run.runProcess(null, undefined, 'golden.jsonl');
    expect(run.output()).toBe(run.output('golden.jsonl'));
  },
  30_000,
);
