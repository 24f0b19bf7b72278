/** Compares a run's result (I12) and its files (I7, I19) with the expectation computed by plain code. */
import type { ExecutionResult } from '../../src/index.js';
import type { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { DEAD_LETTERS, OUTPUT } from './checks.js';
import type { World } from './world.js';

/** The problem of a result; undefined: none. */
export function resultProblem(result: ExecutionResult, { plan, golden }: World): string | undefined {
  const { losses, rowsOut, batches, tallies } = golden;
  const expected = {
    success: true,
    isComplete: losses.length === 0,
    rowsIn: plan.input.length,
    rowsOut,
    rowsFailed: losses.length,
    batches,
    lost: losses.map(([stage, batch, row]) => [plan.stages[stage]?.name ?? 'source', batch, row]),
    stages: tallies.map((stage, i) => {
      const sum = (of: 'rowsIn' | 'rowsOut' | 'lost') => stage.reduce((all, tally) => all + tally[of], 0);
      const isSetAside = plan.stages[i]?.onError === 'dead-letter';
      const lost = sum('lost');
      return [batches, sum('rowsIn'), sum('rowsOut'), isSetAside ? 0 : lost, isSetAside ? lost : 0];
    }),
  };
  const { success, isComplete, metrics, errors } = result;
  const found = {
    success,
    isComplete,
    rowsIn: metrics.rowsIn,
    rowsOut: metrics.rowsOut,
    rowsFailed: metrics.rowsFailed,
    batches: metrics.batches,
    lost: errors.map(({ stage, batch, row }) => [stage, batch, row]),
    stages: metrics.stages.map((t) => [t.batches, t.rowsIn, t.rowsOut, t.skipped, t.deadLettered]),
  };
  const [is, shouldBe] = [JSON.stringify(found), JSON.stringify(expected)];
  return is === shouldBe ? undefined : `I12: the result is ${is}, expected ${shouldBe}`;
}

/** Problems of the files on the disk after the run. */
export function outputProblems(disk: SimulatedDisk, { plan, golden, completed }: World): string[] {
  const problems: string[] = [];
  const isHopeless = completed === 'hopeless';
  if (golden.isHopeless !== isHopeless) problems.push('I12: a run without usable output succeeded');
  const expected = isHopeless && plan.publish === 'rename' ? undefined : golden.text;
  const output = disk.text(OUTPUT);
  if (output !== expected) problems.push(`I7: the output is ${output}, expected ${expected}`);
  if (isHopeless) return problems;
  const lines = (disk.text(DEAD_LETTERS) ?? '').split('\n').slice(0, -1);
  const letters = lines.map((line) => {
    const { stage, batch, row } = JSON.parse(line) as { stage: string; batch: number; row: number };
    return [plan.stages.findIndex(({ name }) => name === stage), batch, row];
  });
  const [is, shouldBe] = [JSON.stringify(letters), JSON.stringify(golden.deadLetters)];
  if (is !== shouldBe) problems.push(`I7: the dead letters are ${is}, expected ${shouldBe}`);
  return problems;
}
