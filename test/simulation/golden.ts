/** The expected outcome of a plan, computed by plain loops. Every simulated run must end with it. */
import {
  batchFaultOf,
  type Plan,
  type Row,
  rowFaultOf,
  type StagePlan,
  workOnBatch,
  workOnRow,
} from './plan.js';

export interface GoldenTally {
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly lost: number;
}

export interface Golden {
  /** The output file. */
  readonly text: string;
  readonly rowsOut: number;
  readonly batches: number;
  /** By stage, by batch. */
  readonly tallies: readonly (readonly GoldenTally[])[];
  /** `[stage, batch, row]` of every row that was lost, in the order of the dead letters; -1: the source. */
  readonly losses: readonly (readonly [stage: number, batch: number, row: number])[];
  /** The same, for rows written to the dead letters. */
  readonly deadLetters: readonly (readonly [stage: number, batch: number, row: number])[];
  /** Errors left no usable output (I12). */
  readonly isHopeless: boolean;
}

export function goldenOf(plan: Plan): Golden {
  const tallies: GoldenTally[][] = plan.stages.map(() => []);
  const losses: [number, number, number][] = [];
  const isSetAside = (stage: number) =>
    (stage < 0 ? plan.onMalformed : plan.stages[stage]?.onError) === 'dead-letter';
  let text = '';
  let rowsOut = 0;
  const batches = Math.ceil(plan.input.length / plan.batchSize);
  for (let batch = 0; batch < batches; batch++) {
    const read = plan.input.slice(batch * plan.batchSize, (batch + 1) * plan.batchSize);
    let rows = read.filter((row) => row !== undefined);
    for (const [i, row] of read.entries()) if (row === undefined) losses.push([-1, batch, i]);
    for (const stage of plan.stages) {
      const done = run(plan, stage, batch, rows);
      for (const row of done.lost) losses.push([stage.index, batch, row]);
      tallies[stage.index]?.push({
        rowsIn: rows.length,
        rowsOut: done.rows.length,
        lost: done.lost.length,
      });
      rows = done.rows;
    }
    for (const row of rows) text += `${JSON.stringify(row)}\n`;
    rowsOut += rows.length;
  }
  return {
    text,
    rowsOut,
    batches,
    tallies,
    losses,
    deadLetters: losses.filter(([stage]) => isSetAside(stage)),
    isHopeless: plan.input.length > 0 && rowsOut === 0 && losses.length > 0 && tallies.every(isLossOnly),
  };
}

/** Whether a stage left out no row of its own accord: each row that it did not give is lost. */
function isLossOnly(batches: Golden['tallies'][number]): boolean {
  const sum = (of: 'rowsIn' | 'rowsOut' | 'lost') => batches.reduce((all, batch) => all + batch[of], 0);
  return sum('rowsIn') <= sum('rowsOut') + sum('lost');
}

function run(
  plan: Plan,
  stage: StagePlan,
  batch: number,
  rows: readonly Row[],
): { rows: Row[]; lost: number[] } {
  const mayLose = stage.onError !== 'fail';
  if (rows.length === 0) return { rows: [], lost: [] };
  if (mayLose && batchFaultOf(plan, stage, batch) !== 'none')
    return isRowThrow(plan, stage, batch)
      ? rowByRow(plan, stage, rows, 0)
      : { rows: [], lost: rows.map((_, i) => i) };
  if (stage.shape === 'batch') return { rows: [...workOnBatch(stage, rows)], lost: [] };
  return rowByRow(plan, stage, rows, -1);
}

/** In a row stage, the batch's fault hits the first row, and only the row that throws is lost. A time limit is that of the batch, or
 * of the row where each row is a call. */
function isRowThrow(plan: Plan, stage: StagePlan, batch: number): boolean {
  const isCall = stage.durable && stage.isAsync;
  return stage.shape !== 'batch' && (isCall || batchFaultOf(plan, stage, batch) === 'throw');
}

function rowByRow(
  plan: Plan,
  stage: StagePlan,
  rows: readonly Row[],
  faulty: number,
): { rows: Row[]; lost: number[] } {
  const out: Row[] = [];
  const lost: number[] = [];
  rows.forEach((row, i) => {
    if (stage.onError !== 'fail' && (i === faulty || rowFaultOf(plan, stage, row) !== 'none')) {
      lost.push(i);
      return;
    }
    const made = workOnRow(stage, row);
    if (made === true) out.push(row);
    else if (made !== false) out.push(...((Array.isArray(made) ? made : [made]) as Row[]));
  });
  return { rows: out, lost };
}
