/**
 * The one restore path (I18): a persisted snapshot of any origin becomes one that can be resumed, or is refused.
 *
 * 1. The snapshot is rebuilt from fields that were checked one by one. Nothing else of the input reaches `createActor` (I9).
 * 2. What was in flight is rewound to the last durable mark; children are rebuilt idle.
 * 3. INITIALIZING, EXECUTING and a cancelled IDLE come back as PAUSED; PAUSED, FAILED and COMPLETED as themselves; an
 *    IDLE that never ran as IDLE.
 * 4. Poison suspects are kept after a crash only.
 *    Snapshots of release 0.1.0 (`suspicion`, `maxDeaths`, `deaths`) are read as well.
 * 5. Pure, and total: it returns or throws `InvalidSnapshotError`, in time proportional to the input's size.
 */

import { stageActorId, WORKERS } from './children.js';
import {
  type CheckpointMark,
  type ErrorData,
  EXECUTOR_STATES,
  type ExecutorContext,
  type ExecutorState,
  type JsonObject,
  type Losses,
  MAX_NAMED_LOSSES,
  MAX_REASONS,
  MAX_WINDOW,
  type PoisonSuspects,
  type StageCounters,
} from './context.js';
import { completed, initialContext, outputOf, rewind } from './initial-context.js';
import type { StageInput } from './stage-events.js';

/** A persisted snapshot that was not written by this machine over these stages, or was damaged. */
export class InvalidSnapshotError extends Error {
  readonly code = 'INVALID_SNAPSHOT';
  constructor(
    /** Where in the snapshot, as a path of keys. */
    readonly path: string,
    readonly expected: string,
  ) {
    super(`snapshot${path}: expected ${expected}`);
    this.name = 'InvalidSnapshotError';
  }
}

/** A snapshot that `createActor(machine, { snapshot })` resumes from. */
export interface RestoredSnapshot {
  readonly status: 'active' | 'done';
  readonly value: ExecutorState;
  readonly context: ExecutorContext;
  readonly children: Readonly<Record<string, unknown>>;
  readonly historyValue: Readonly<Record<string, never>>;
  readonly output: unknown;
  readonly error: undefined;
}

/** Turns any valid persisted snapshot into a resumable one.
 * @param persisted what `actor.getPersistedSnapshot()` gave, after a JSON round trip.
 * @param stages the stages of the pipeline that is to go on, in order.
 * @throws {InvalidSnapshotError} naming the first field that is not what it must be.
 * @example
 * createActor(createExecutorMachine(stages), { snapshot: restoreSnapshot(persisted, stages), input: {} });
 */
export function restoreSnapshot(
  persisted: unknown,
  stages: readonly Omit<StageInput, 'index'>[],
): RestoredSnapshot {
  const snapshot = object(persisted, '');
  const value = oneOf(snapshot.value, '.value', EXECUTOR_STATES);
  const status = oneOf(snapshot.status, '.status', ['active', 'done'] as const);
  if ((status === 'done') !== (value === 'COMPLETED')) fail('.status', 'done in COMPLETED only');
  const names = stages.map((stage) => stage.name);
  const context = readContext(snapshot.context, names);
  checkChildren(snapshot.children, names);
  const state = resumableState(value, context);
  const error = state === 'FAILED' ? context.error : null;
  const rewound: ExecutorContext =
    state === 'COMPLETED'
      ? completed(context)
      : { ...unopened(context, state), error, suspects: suspectsOf(value, context) };
  return {
    status: state === 'COMPLETED' ? 'done' : 'active',
    value: state,
    context: rewound,
    children: state === 'PAUSED' || state === 'FAILED' ? idleChildren(stages) : {},
    historyValue: {},
    output: state === 'COMPLETED' ? outputOf(rewound) : undefined,
    error: undefined,
  };
}

/** PAUSED is left by way of INITIALIZING: no process has the session open. */
function unopened(context: ExecutorContext, state: ExecutorState): ExecutorContext {
  const rewound = rewind(context);
  if (state !== 'PAUSED') return rewound;
  return { ...rewound, activity: { ...rewound.activity, origin: 'snapshot' } };
}

function resumableState(value: ExecutorState, context: ExecutorContext): ExecutorState {
  if (value === 'PAUSED' || value === 'FAILED' || value === 'COMPLETED') return value;
  return value === 'IDLE' && context.sessionId === '' ? 'IDLE' : 'PAUSED';
}

/** Only a crash leaves suspects. */
function suspectsOf(value: ExecutorState, { suspects }: ExecutorContext): PoisonSuspects | null {
  return hasCrashed(value) ? suspects : null;
}

/** INITIALIZING and EXECUTING are stored only by a process that crashed afterwards. */
export function hasCrashed(value: ExecutorState): boolean {
  return value === 'INITIALIZING' || value === 'EXECUTING';
}

function readSuspects(input: unknown, at: string): PoisonSuspects | null {
  if (input === null) return null;
  const raw = object(input, at);
  return {
    crashes: count(raw.crashes ?? raw.deaths, `${at}.crashes`),
    from: count(raw.from, `${at}.from`),
    to: count(raw.to, `${at}.to`),
  };
}

function readContext(input: unknown, names: readonly string[]): ExecutorContext {
  const at = '.context';
  const raw = object(input, at);
  const stages = array(raw.stages, `${at}.stages`, 1000).map((name, i) =>
    text(name, `${at}.stages[${i}]`, 200),
  );
  if (stages.length !== names.length || stages.some((name, i) => name !== names[i]))
    fail(`${at}.stages`, 'the names of the pipeline’s stages, in order');
  const settings = object(raw.settings, `${at}.settings`);
  const flushed = readMark(raw.flushed, `${at}.flushed`, names);
  const committed = count(raw.committed, `${at}.committed`);
  if (committed > flushed.batches) fail(`${at}.committed`, 'at most the batches that are flushed');
  const base = initialContext(names, {
    sessionId: sessionId(raw.sessionId, `${at}.sessionId`),
    pipeline: text(raw.pipeline, `${at}.pipeline`, 200),
    startedAt: count(raw.startedAt, `${at}.startedAt`),
    settings: {
      maxInFlight: window(settings.maxInFlight, `${at}.settings.maxInFlight`),
      checkpointInterval: positive(settings.checkpointInterval, `${at}.settings.checkpointInterval`),
      maxCrashes: positive(settings.maxCrashes ?? settings.maxDeaths, `${at}.settings.maxCrashes`),
    },
  });
  const suspects = readSuspects(raw.suspects ?? raw.suspicion ?? null, `${at}.suspects`);
  return { ...base, flushed, committed, suspects, error: readError(raw.error, `${at}.error`) };
}

function readMark(input: unknown, at: string, names: readonly string[]): CheckpointMark {
  const raw = object(input, at);
  const tallies = array(raw.stages, `${at}.stages`, names.length);
  if (tallies.length !== names.length) fail(`${at}.stages`, `${names.length} tallies`);
  const mark = {
    batches: count(raw.batches, `${at}.batches`),
    rowsIn: count(raw.rowsIn, `${at}.rowsIn`),
    rowsOut: count(raw.rowsOut, `${at}.rowsOut`),
    malformed: count(raw.malformed, `${at}.malformed`),
    done: amount(raw.done, `${at}.done`),
    source: position(raw.source, `${at}.source`),
    sink: position(raw.sink, `${at}.sink`),
    deadLetter: position(raw.deadLetter, `${at}.deadLetter`),
    elapsedMs: amount(raw.elapsedMs, `${at}.elapsedMs`),
    stages: tallies.map((tally, i) => readTally(tally, `${at}.stages[${i}]`, names[i] as string)),
    losses: readLosses(raw.losses, `${at}.losses`, names.length),
  };
  if (mark.batches > 0 && (mark.source === null || mark.sink === null))
    fail(at, 'positions of source and sink beside batches');
  return mark;
}

function readTally(input: unknown, at: string, stage: string): StageCounters {
  const raw = object(input, at);
  if (raw.stage !== stage) fail(`${at}.stage`, 'the stage’s name');
  return {
    stage,
    batches: count(raw.batches, `${at}.batches`),
    rowsIn: count(raw.rowsIn, `${at}.rowsIn`),
    rowsOut: count(raw.rowsOut, `${at}.rowsOut`),
    skipped: count(raw.skipped, `${at}.skipped`),
    deadLettered: count(raw.deadLettered, `${at}.deadLettered`),
    retries: count(raw.retries, `${at}.retries`),
    busyMs: amount(raw.busyMs, `${at}.busyMs`),
  };
}

function readLosses(input: unknown, at: string, stages: number): Losses {
  const raw = object(input, at);
  const total = count(raw.total, `${at}.total`);
  const reasons = array(raw.reasons, `${at}.reasons`, MAX_REASONS).map((reason, i) =>
    text(reason, `${at}.reasons[${i}]`, 400),
  );
  const named = array(raw.named, `${at}.named`, MAX_NAMED_LOSSES).map((item, i) => {
    const here = `${at}.named[${i}]`;
    const tuple = array(item, here, 4);
    const stage = tuple[2];
    if (!Number.isSafeInteger(stage) || (stage as number) < -1 || (stage as number) >= stages)
      fail(here, 'the index of a stage, or -1');
    const reason = count(tuple[3], here);
    if (reason >= reasons.length) fail(here, 'a reason of the table');
    return [count(tuple[0], here), count(tuple[1], here), stage as number, reason] as const;
  });
  if (named.length > total) fail(`${at}.named`, 'at most `total` rows');
  return { total, named, reasons };
}

function readError(input: unknown, at: string): ErrorData | null {
  if (input === null) return null;
  const raw = object(input, at);
  return {
    name: text(raw.name, `${at}.name`, 200),
    code: text(raw.code, `${at}.code`, 200),
    message: text(raw.message, `${at}.message`, 400),
  };
}

/** Only the executor's own children: a snapshot must not choose what runs. */
function checkChildren(input: unknown, names: readonly string[]): void {
  const children = object(input, '.children');
  const known = new Set([...names.map(stageActorId), ...Object.keys(WORKERS)]);
  for (const id of Object.keys(children)) {
    if (!known.has(id)) fail('.children', 'actors of the executor only');
    const child = object(children[id], `.children[${id}]`);
    if (child.src !== id) fail(`.children[${id}].src`, 'the actor of that id');
  }
}

function idleChildren(stages: readonly Omit<StageInput, 'index'>[]): Record<string, unknown> {
  const idle = (src: string, context: object) => [
    src,
    {
      ...{ src, syncSnapshot: false },
      snapshot: { status: 'active', value: 'idle', context, children: {}, historyValue: {} },
    },
  ];
  const nothing = { queue: [], running: [], waiting: [], done: 0, retried: 0, error: null };
  return Object.fromEntries([
    ...stages.map((stage, index) => idle(stageActorId(stage.name), { ...stage, index, ...nothing })),
    ...Object.keys(WORKERS).map((id) => idle(id, {})),
  ]);
}

function fail(path: string, expected: string): never {
  throw new InvalidSnapshotError(path, expected);
}

function object(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(at, 'an object');
  return value as Record<string, unknown>;
}

function array(value: unknown, at: string, max: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > max) fail(at, `an array of at most ${max}`);
  return value as readonly unknown[];
}

function text(value: unknown, at: string, max: number): string {
  if (typeof value !== 'string' || value.length > max) fail(at, `text of at most ${max} characters`);
  return value as string;
}

function sessionId(value: unknown, at: string): string {
  const id = text(value, at, 36);
  if (id !== '' && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) fail(at, 'a UUID');
  return id;
}

function count(value: unknown, at: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) fail(at, 'a whole number from 0');
  return value as number;
}

function positive(value: unknown, at: string): number {
  const number = count(value, at);
  if (number === 0) fail(at, 'a whole number from 1');
  return number;
}

/** A forged window must not read the whole input into memory (I13). */
function window(value: unknown, at: string): number {
  const batches = positive(value, at);
  if (batches > MAX_WINDOW) fail(at, `at most ${MAX_WINDOW} batches`);
  return batches;
}

function amount(value: unknown, at: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) fail(at, 'a number from 0');
  return value as number;
}

function oneOf<T extends string>(value: unknown, at: string, all: readonly T[]): T {
  const found = all.find((item) => item === value);
  return found ?? fail(at, `one of ${all.join(', ')}`);
}

/** Characters of a position as JSON. */
const MAX_POSITION = 16_384;

/** Positions are opaque here; source and sink check their own. Bounded, and rebuilt by way of text. */
function position(value: unknown, at: string): JsonObject | null {
  if (value === null) return null;
  const json = JSON.stringify(object(value, at));
  if (json.length > MAX_POSITION) fail(at, `a position of at most ${MAX_POSITION} characters`);
  return JSON.parse(json) as JsonObject;
}
