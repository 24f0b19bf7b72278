/**
 * The state of one keyed stage: a JSON text for each key, and what the batches that are not stored yet have changed.
 *
 * 1. A batch steps copies. `keep` takes its changes over; without it nothing has happened, so that no retry steps twice.
 * 2. States are kept as JSON text: compact, the same after a resume, and out of reach of a function that changes them in place.
 * 3. A row whose function throws leaves no trace: the other rows of its key are stepped again.
 * 4. Keys stay in the order of their first rows, over all processes.
 */
import { InvalidStateError } from '../../../errors.js';
import { messageOf } from '../../../platform/thrown.js';
import type { AttemptResult, RowFailure } from '../../../stages/attempt.js';
import type { Keyed } from '../../../stages/stage.js';
import { jsonProblem } from './json-problem.js';
import { type HeldKey, holdKey, keyOf } from './keys.js';

/** States by key, as JSON text; of `distinct`, empty texts. */
export type States = Map<HeldKey, string>;

/** A batch that was stepped and not kept yet. */
export interface SteppedBatch extends AttemptResult {
  readonly changes: States;
}

interface LiveState {
  readonly key: unknown;
  value: unknown;
  /** The rows that it was stepped with. */
  readonly rows: unknown[];
}

export class KeyedState {
  /** As of the last commit. */
  readonly states: States = new Map();
  /** Changes of the batches after it, in order. */
  #unsaved: { readonly batch: number; readonly changes: States }[] = [];
  /** The same in one: the last state of each key. */
  #recent: States = new Map();

  constructor(
    private readonly stage: string,
    private readonly keyed: Keyed,
  ) {}

  /** Steps the rows of a batch. Changes nothing.
   * @throws {InvalidStateError} for a state that is not JSON. */
  stepBatch(rows: readonly unknown[]): SteppedBatch {
    return this.keyed.kind === 'distinct' ? this.#passFirst(rows) : this.#fold(rows);
  }

  /** The changes of a batch count from now on. */
  keep(batch: number, changes: States): void {
    addTo(this.#recent, changes);
    if (changes.size > 0) this.#unsaved.push({ batch, changes });
  }

  /** A commit covers the batches below `upTo`. @returns what they have changed: the last state of each key. */
  commit(upTo: number): States {
    const covered = this.#unsaved.filter(({ batch }) => batch < upTo);
    this.#unsaved = this.#unsaved.slice(covered.length);
    let committed = this.#recent;
    this.#recent = new Map();
    if (this.#unsaved.length > 0) {
      committed = new Map();
      for (const { changes } of covered) addTo(committed, changes);
      for (const { changes } of this.#unsaved) addTo(this.#recent, changes);
    }
    addTo(this.states, committed);
    return committed;
  }

  /** The rows of the results, when everything is committed. */
  *results(): Generator<unknown> {
    for (const [held, state] of this.states) yield this.keyed.result(JSON.parse(state), keyOf(held));
  }

  #passFirst(rows: readonly unknown[]): SteppedBatch {
    const changes: States = new Map();
    const passed: unknown[] = [];
    const failures: RowFailure[] = [];
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index];
      try {
        const key = holdKey(this.stage, this.keyed.key(row));
        if (changes.has(key) || this.#recent.has(key) || this.states.has(key)) continue;
        changes.set(key, '');
        passed.push(row);
      } catch (error) {
        failures.push({ index, row, error });
      }
    }
    return { rows: passed, failures, changes };
  }

  #fold(rows: readonly unknown[]): SteppedBatch {
    const live = new Map<HeldKey, LiveState>();
    const passed: unknown[] = [];
    const failures: RowFailure[] = [];
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index];
      try {
        this.#stepRow(live, row);
        passed.push(row);
      } catch (error) {
        if (error instanceof InvalidStateError) throw error;
        failures.push({ index, row, error });
      }
    }
    const changes: States = new Map();
    for (const [held, { key, value, rows: stepped }] of live)
      if (stepped.length > 0) changes.set(held, this.#textOf(value, key));
    return { rows: passed, failures, changes };
  }

  #stepRow(live: Map<HeldKey, LiveState>, row: unknown): void {
    const key = this.keyed.key(row);
    const held = holdKey(this.stage, key);
    let state = live.get(held);
    if (state === undefined) {
      state = { key, value: this.#begin(held, key), rows: [] };
      live.set(held, state);
    }
    try {
      state.value = this.#step(state.value, row);
      state.rows.push(row);
    } catch (error) {
      state.value = state.rows.reduce((value, earlier) => this.#step(value, earlier), this.#begin(held, key));
      throw error;
    }
  }

  #begin(held: HeldKey, key: unknown): unknown {
    const stored = this.#recent.get(held) ?? this.states.get(held);
    return stored === undefined ? this.keyed.init(key) : JSON.parse(stored);
  }

  #step(state: unknown, row: unknown): unknown {
    const next = this.keyed.step(state, row);
    if (next !== undefined) return next;
    throw new InvalidStateError(
      `Stage "${this.stage}": step returned undefined. Return the state after the row, also if it is unchanged.`,
    );
  }

  #textOf(value: unknown, key: unknown): string {
    const problem = jsonProblem(value, 'the state');
    if (problem === undefined) return JSON.stringify(value);
    const of = typeof key === 'number' || key === null ? ` of the key ${key}` : '';
    throw new InvalidStateError(
      `Stage "${this.stage}": ${problem}${of}. A state must be plain JSON, because it is stored: return numbers, texts, arrays and plain objects.`,
    );
  }
}

function addTo(states: States, changes: States): void {
  for (const [key, state] of changes) states.set(key, state);
}

/** What a function of the results threw. */
export function resultProblem(stage: string, error: unknown): string {
  return `Stage "${stage}": the function result failed: ${messageOf(error)}.`;
}
