/**
 * Whole runs simulated by seed: any pipeline, fault, command and crash, in any order.
 *
 * Pinned, asserted during the run and at the end: I1, I2, I3, I4, I5, I6, I7, I8, I11, I12, I13, I14, I16, I17, I19. A
 * failed seed prints the command that runs it again.
 */
import { describe, expect, test } from 'vitest';
import { type SimulationOutcome, simulate } from './simulate.js';
import { allTransitions } from './transitions.js';

const FROM = Number(process.env.XSTATE_PIPELINE_SEED ?? 1);
const SEEDS = Number(process.env.XSTATE_PIPELINE_SEEDS ?? 500);
const CHUNK = 100;

function report({ seed, violations, trace, plan }: SimulationOutcome): string {
  const stages = plan.stages.map((stage) => JSON.stringify(stage)).join('\n  ');
  return [
    `Seed ${seed} breaks invariants. To run it again:`,
    `  node test/simulation/simulate.mjs --from ${seed} --seeds 1`,
    ...violations.map((violation) => `- ${violation}`),
    `Stages:\n  ${stages}`,
    `End of the trace:\n  ${trace.slice(-40).join('\n  ')}`,
  ].join('\n');
}

describe(`seeds from ${FROM} on`, () => {
  const figures = { steps: 0, crashes: 0, commands: 0, faults: 0, operations: 0, invocations: 0 };
  const covered = new Set<string>();
  const chunks = Array.from({ length: Math.ceil(SEEDS / CHUNK) }, (_, i) => FROM + i * CHUNK);

  test.each(chunks)('seed %i and the next ones', { timeout: 300_000 }, async (first) => {
    const broken: SimulationOutcome[] = [];
    for (let seed = first; seed < Math.min(first + CHUNK, FROM + SEEDS); seed++) {
      const outcome = await simulate(seed);
      if (outcome.violations.length > 0) broken.push(outcome);
      for (const transition of outcome.transitions) covered.add(transition);
      for (const key of Object.keys(figures) as (keyof typeof figures)[])
        figures[key] += outcome.figures[key];
    }
    const [worst] = broken.toSorted((a, b) => a.trace.length - b.trace.length);
    if (worst === undefined) return;
    const others = broken.map(({ seed, violations }) => `seed ${seed}: ${violations[0]?.slice(0, 200)}`);
    expect.fail([report(worst), 'All failed seeds:', ...others].join('\n'));
  });

  test('the seeds cover all transitions, and enough crashes, commands and faults', () => {
    if (process.env.XSTATE_PIPELINE_SEEDS !== undefined) console.log(figures);
    if (SEEDS < 500) return;
    const missed = allTransitions().filter((transition) => !covered.has(transition));
    expect(missed.filter((transition) => ![EMBEDDED, NOT_DRAWN].some((one) => one.test(transition)))).toEqual(
      [],
    );
    expect(figures.crashes).toBeGreaterThan(SEEDS / 2);
    expect(figures.commands).toBeGreaterThan(SEEDS);
    expect(figures.faults).toBeGreaterThan(SEEDS / 5);
  });
});

/** Events that only a parent sends: test/executor/session/actor-is-the-run.test.ts and test/crash/restored-parent.test.ts. */
const EMBEDDED = /session[.](loaded|reopen)$|INITIALIZING pause$/;

/** Plans have no command `tune`, no budget that is reached, no loss ceiling and no delivery; a stage that is not running seldom hears from
 * its service: test/limits, test/executor/rows/holding, test/executor/delivery and test/model/stage.test.ts. */
const NOT_DRAWN =
  /^stage awaitingPermit hold$|^stage (idle|awaitingPermit|backingOff|held|failed|stopped) (calls[.]succeeded|overloaded)$| (tune|attempt[.]held|output[.]delivered|delivery[.]held)$|^executor \w+ hold$/;

/** Names of temporary files do not depend on the seed. */
const historyOf = ({ trace }: SimulationOutcome): string[] =>
  trace.map((line) => line.replaceAll(/\.[0-9a-f-]{36}\.tmp/g, ''));

test('I14: the same seed gives the same run', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const [first, second] = [await simulate(seed), await simulate(seed)];
    expect(historyOf(second)).toEqual(historyOf(first));
    expect(second.figures).toEqual(first.figures);
  }
});
