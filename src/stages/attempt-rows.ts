/**
 * An attempt of a row stage: row by row, at most `rowConcurrency` at once where answers are promises (attempt.ts has the
 * promises this keeps).
 *
 * On the last attempt of a stage that ends the run for a lost row, no row is started after a failure: whatever it
 * answered could not be used.
 */

import { abortOf } from './abortable.js';
import { checkedRows, noRow } from './answers.js';
import type { AttemptMemory, AttemptResult, RowFailure } from './attempt-result.js';
import { type Verdict, validateRow } from './schema.js';
import type { RowStage, StageContext } from './stage.js';
import { isThenable } from './thenable.js';

/** Not run yet, or failed: to be run. */
const PENDING = Symbol('pending');
/** Left out by a filter. */
const DROPPED = Symbol('dropped');

type AnyRowStage = RowStage<unknown, unknown, never>;

export function runRows(
  stage: AnyRowStage,
  rows: readonly unknown[],
  context: StageContext,
  memory: AttemptMemory,
): AttemptResult | Promise<AttemptResult> {
  memory.slots ??= new Array<unknown>(rows.length).fill(PENDING);
  const { slots } = memory;
  const signal = abortOf(context);
  const run = rowRunner(stage, context);
  const isDecisive = stage.onError === 'fail' && context.attempt >= stage.retry.attempts;
  const failures: RowFailure[] = [];
  let next = 0;
  let active = 0;
  let whenIdle: ((error?: unknown) => void) | undefined;

  const lose = (index: number, error: unknown) => {
    failures.push({ index, row: rows[index], error });
    if (isDecisive) next = rows.length;
  };
  const settle = (index: number, slot: unknown, error?: { readonly thrown: unknown }) => {
    active--;
    if (signal.aborted) return;
    if (error === undefined) slots[index] = slot;
    else lose(index, error.thrown);
    try {
      startRows();
    } catch (thrown) {
      whenIdle?.({ thrown });
      return;
    }
    if (active === 0) whenIdle?.();
  };
  const startRows = () => {
    while (next < rows.length && active < stage.rowConcurrency) {
      const index = next++;
      if (slots[index] !== PENDING) continue;
      signal.throwIfAborted();
      let slot: unknown;
      try {
        slot = run(rows[index], index);
      } catch (error) {
        lose(index, error);
        continue;
      }
      if (slot instanceof Promise) {
        active++;
        slot.then(
          (settled) => settle(index, settled),
          (thrown: unknown) => settle(index, PENDING, { thrown }),
        );
      } else slots[index] = slot;
    }
  };
  const result = (): AttemptResult => {
    signal.throwIfAborted();
    failures.sort((a, b) => a.index - b.index);
    return { rows: gather(stage, slots), failures };
  };

  startRows();
  if (active === 0) return result();
  return new Promise<void>((resolve, reject) => {
    whenIdle = (error) =>
      error === undefined ? resolve() : reject((error as { readonly thrown: unknown }).thrown);
  }).then(result);
}

/** What runs one row through schemas and function, to a slot: a row, an array of rows (flatMap), or DROPPED. */
function rowRunner(stage: AnyRowStage, context: StageContext): (row: unknown, index: number) => unknown {
  const { name, shape, input, output } = stage;
  const process = stage.processRow as (row: unknown, context: StageContext, index: number) => unknown;

  const leave = (row: unknown, answer: unknown): unknown => {
    const slot = toSlot(row, answer);
    if (output === undefined || slot === DROPPED) return slot;
    if (shape !== 'flatMap') return opened(validateRow(output, slot, name, 'output'));
    const checked = (slot as readonly unknown[]).map((one) =>
      opened(validateRow(output, one, name, 'output')),
    );
    return checked.some((one) => one instanceof Promise) ? Promise.all(checked) : checked;
  };
  const toSlot = (row: unknown, answer: unknown): unknown => {
    if (shape === 'filter') return answer ? row : DROPPED;
    if (shape === 'flatMap') return checkedRows(name, shape, answer);
    if (answer === undefined) throw noRow(name);
    return answer;
  };
  const enter = (row: unknown, index: number): unknown => {
    const answer = process(row, context, index);
    if (isThenable(answer)) return Promise.resolve(answer).then((settled) => leave(row, settled));
    return leave(row, answer);
  };
  if (input === undefined) return enter;
  return (row, index) => {
    const verdict = validateRow(input, row, name, 'input');
    if (!(verdict instanceof Promise)) return enter(unlessMisfit(verdict), index);
    return verdict.then((settled) => {
      abortOf(context).throwIfAborted();
      return enter(unlessMisfit(settled), index);
    });
  };
}

const opened = (verdict: Verdict | Promise<Verdict>): unknown =>
  verdict instanceof Promise ? verdict.then(unlessMisfit) : unlessMisfit(verdict);

function unlessMisfit(verdict: Verdict): unknown {
  if (!verdict.ok) throw verdict.error;
  return verdict.value;
}

/** The rows out, in order. Where every row gave one, the slots are these rows. */
function gather(stage: AnyRowStage, slots: readonly unknown[]): readonly unknown[] {
  if (stage.shape === 'flatMap') {
    const rows: unknown[] = [];
    for (const slot of slots)
      if (slot !== PENDING) for (const row of slot as readonly unknown[]) rows.push(row);
    return rows;
  }
  const isGap = (slot: unknown) => slot === PENDING || slot === DROPPED;
  return slots.some(isGap) ? slots.filter((slot) => !isGap(slot)) : slots;
}
