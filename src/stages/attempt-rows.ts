/**
 * An attempt of a row stage: row by row, at most `rowConcurrency` at once where the function returns promises (see the
 * guarantees in attempt.ts).
 *
 * No row starts after a failure that ends the run or pauses it: its result would not be used, and it may cost money.
 */
import { StageTimeoutError } from '../errors.js';
import { copyRow } from '../formats/copy-row.js';
import { checkRow, checkRows } from './answers.js';
import { ABORTABLE, abortOf, clockOf, LazyAbort, withLazySignal } from './attempt-context.js';
import {
  type AttemptMemory,
  type AttemptResult,
  needsInputLater,
  PENDING,
  type RowFailure,
} from './attempt-result.js';
import { judgeFailure, RETRY } from './failures/retry-decision.js';
import { type Verdict, validateRow } from './schema.js';
import type { RowStage, StageContext } from './stage.js';
import { isThenable } from './thenable.js';

/** Left out by a filter. */
const DROPPED = Symbol('dropped');
/** Lost for good in an earlier attempt. */
const LOST = Symbol('lost');

type AnyRowStage = RowStage<unknown, unknown, never>;
type ProcessRow = (row: unknown, context: StageContext, index: number) => unknown;

/** @param first index of the first of these rows in the batch. */
export function runRows(
  stage: AnyRowStage,
  rows: readonly unknown[],
  context: StageContext,
  memory: AttemptMemory,
  first = 0,
): AttemptResult | Promise<AttemptResult> {
  if (memory.slots !== undefined) setLost(memory.slots, memory.lost);
  memory.slots ??= new Array<unknown>(rows.length).fill(PENDING);
  const { slots } = memory;
  const signal = abortOf(context);
  const run = rowRunner(stage, context, memory);
  const isCopied = needsInputLater(stage, context);
  const isLast = context.attempt >= stage.retry.attempts;
  const isFatal = stage.onError === 'fail';
  const failures: RowFailure[] = [];
  let next = 0;
  let active = 0;
  let whenIdle: ((error?: { readonly thrown: unknown }) => void) | undefined;

  const recordFailure = (index: number, thrown: unknown) => {
    const { attempt } = context;
    const judged = judgeFailure(stage, thrown, { attempt, now: clockOf(context).now() });
    failures.push({ index, row: rows[index], ...judged });
    const { kind } = judged.verdict ?? RETRY;
    const isLost = kind === 'lose' || isLast;
    if (kind === 'stop' || kind === 'pause' || (isFatal && isLost)) next = rows.length;
  };
  const settleRow = (index: number, slot: unknown, error?: { readonly thrown: unknown }) => {
    active--;
    if (signal.aborted) return;
    if (error === undefined) slots[index] = slot;
    else recordFailure(index, error.thrown);
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
        slot = run(isCopied ? copyRow(rows[index]) : rows[index], first + index);
      } catch (error) {
        recordFailure(index, error);
        continue;
      }
      if (isThenable(slot)) {
        active++;
        slot.then(
          (settled) => settleRow(index, settled),
          (thrown: unknown) => settleRow(index, PENDING, { thrown }),
        );
      } else slots[index] = slot;
    }
  };
  const result = (): AttemptResult => {
    signal.throwIfAborted();
    failures.sort((a, b) => a.index - b.index);
    return { rows: gatherRows(stage, slots), failures };
  };

  startRows();
  if (active === 0) return result();
  return new Promise<void>((resolve, reject) => {
    whenIdle = (error) => (error === undefined ? resolve() : reject(error.thrown));
  }).then(result);
}

/** Rows that are lost for good do not run again; a loss that was refused is tried again. */
function setLost(slots: unknown[], lost: readonly RowFailure[]): void {
  for (let i = 0; i < slots.length; i++) if (slots[i] === LOST) slots[i] = PENDING;
  for (const { index } of lost) slots[index] = LOST;
}

/** Runs one row through schemas and function, to a slot: a row, an array of rows (flatMap), or DROPPED. */
function rowRunner(
  stage: AnyRowStage,
  context: StageContext,
  memory: AttemptMemory,
): (row: unknown, index: number) => unknown {
  const { name, shape, input, output, rowTimeoutMs } = stage;
  const process = stage.processRow as ProcessRow;

  const toSlot = (row: unknown, answer: unknown): unknown => {
    if (shape === 'filter') return answer ? row : DROPPED;
    return shape === 'flatMap' ? checkRows(name, shape, answer) : checkRow(name, answer);
  };
  const checkOutput = (row: unknown, answer: unknown): unknown => {
    const slot = toSlot(row, answer);
    if (output === undefined || slot === DROPPED) return slot;
    if (shape !== 'flatMap') return rowOf(validateRow(output, slot, name, 'output'));
    const checked = (slot as readonly unknown[]).map((one) =>
      rowOf(validateRow(output, one, name, 'output')),
    );
    return checked.some(isThenable) ? Promise.all(checked) : checked;
  };
  const callFunction = (row: unknown, index: number): unknown => {
    if (index === 0 && memory.firstAnswer !== undefined) {
      const answer = memory.firstAnswer;
      memory.firstAnswer = undefined;
      return answer;
    }
    return rowTimeoutMs === undefined
      ? process(row, context, index)
      : callWithin(rowTimeoutMs, stage, process, row, context, index);
  };
  const runFunction = (row: unknown, index: number): unknown => {
    const answer = callFunction(row, index);
    if (isThenable(answer)) return Promise.resolve(answer).then((settled) => checkOutput(row, settled));
    return checkOutput(row, answer);
  };
  if (input === undefined) return runFunction;
  return (row, index) => {
    const verdict = validateRow(input, row, name, 'input');
    if (!isThenable(verdict)) return runFunction(acceptedValue(verdict), index);
    return verdict.then((settled) => {
      abortOf(context).throwIfAborted();
      return runFunction(acceptedValue(settled), index);
    });
  };
}

/** Calls the function with a signal of its own, which `rowTimeoutMs` aborts; then the row fails. */
function callWithin(
  timeoutMs: number,
  stage: AnyRowStage,
  process: ProcessRow,
  row: unknown,
  context: StageContext,
  index: number,
): unknown {
  const attemptAbort = abortOf(context);
  const abort = new LazyAbort();
  const { batch, attempt, idempotencyKey, logger, spend } = context;
  const rowContext = withLazySignal({ batch, attempt, idempotencyKey, logger, spend, [ABORTABLE]: abort });
  const answer = process(row, rowContext, index);
  if (!isThenable(answer)) return answer;
  return new Promise((resolve, reject) => {
    const onAbort = () => abort.abort(attemptAbort.reason);
    attemptAbort.addEventListener('abort', onAbort, { once: true });
    const stopTimer = clockOf(context).setTimer(() => {
      attemptAbort.removeEventListener('abort', onAbort);
      const error = new StageTimeoutError(stage.name, context.batch.index, timeoutMs, index);
      abort.abort(error);
      reject(error);
    }, timeoutMs);
    const settle = () => {
      stopTimer();
      attemptAbort.removeEventListener('abort', onAbort);
    };
    answer.then(
      (value) => {
        settle();
        resolve(value);
      },
      (error: unknown) => {
        settle();
        reject(error);
      },
    );
  });
}

const rowOf = (verdict: Verdict | Promise<Verdict>): unknown =>
  isThenable(verdict) ? verdict.then(acceptedValue) : acceptedValue(verdict);

function acceptedValue(verdict: Verdict): unknown {
  if (!verdict.ok) throw verdict.error;
  return verdict.value;
}

/** The rows out, in order. Where every row gave one, the slots are these rows. */
function gatherRows(stage: AnyRowStage, slots: readonly unknown[]): readonly unknown[] {
  if (stage.shape === 'flatMap') {
    const rows: unknown[] = [];
    for (const slot of slots)
      if (slot !== PENDING && slot !== LOST) for (const row of slot as readonly unknown[]) rows.push(row);
    return rows;
  }
  const isGap = (slot: unknown) => slot === PENDING || slot === DROPPED || slot === LOST;
  return slots.some(isGap) ? slots.filter((slot) => !isGap(slot)) : slots;
}
