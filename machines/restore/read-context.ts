/**
 * Rebuilds the executor's context from checked fields. Also reads snapshots of release 0.1.0 (`suspicion`, `maxDeaths`,
 * `deaths`).
 */
import {
  type CheckpointMark,
  type ErrorData,
  type ExecutorContext,
  HOLD_KINDS,
  type HoldReason,
  type Losses,
  MAX_NAMED_LOSSES,
  MAX_REASONS,
  type PoisonSuspects,
  type StageCounters,
  type StateReference,
} from '../context.js';
import { initialContext } from '../initial-context.js';
import {
  amount,
  array,
  count,
  fail,
  object,
  oneOf,
  position,
  positive,
  sessionId,
  text,
  window,
} from './fields.js';

function readSuspects(input: unknown, at: string): PoisonSuspects | null {
  if (input === null) return null;
  const raw = object(input, at);
  return {
    crashes: count(raw.crashes ?? raw.deaths, `${at}.crashes`),
    from: count(raw.from, `${at}.from`),
    to: count(raw.to, `${at}.to`),
  };
}

export function readContext(input: unknown, names: readonly string[]): ExecutorContext {
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
  const error = readError(raw.error, `${at}.error`);
  const pauseReason = readReason(raw.pauseReason ?? null, `${at}.pauseReason`);
  return { ...base, flushed, committed, suspects, error, pauseReason };
}

function readReason(input: unknown, at: string): HoldReason | undefined {
  if (input === null) return undefined;
  const raw = object(input, at);
  return {
    kind: oneOf(raw.kind, `${at}.kind`, HOLD_KINDS),
    message: text(raw.message, `${at}.message`, 400),
    advice: text(raw.advice, `${at}.advice`, 400),
  };
}

function readMark(input: unknown, at: string, names: readonly string[]): CheckpointMark {
  const raw = object(input, at);
  const counters = array(raw.stages, `${at}.stages`, names.length);
  if (counters.length !== names.length) fail(`${at}.stages`, `${names.length} counters`);
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
    stages: counters.map((item, i) => readStageCounters(item, `${at}.stages[${i}]`, names[i] as string)),
    losses: readLosses(raw.losses, `${at}.losses`, names.length),
    ...(raw.state === undefined ? {} : { state: readState(raw.state, `${at}.state`, names) }),
  };
  if (mark.batches > 0 && (mark.source === null || mark.sink === null))
    fail(at, 'positions of source and sink beside batches');
  return mark;
}

function readState(input: unknown, at: string, names: readonly string[]): readonly StateReference[] {
  return array(input, at, names.length).map((item, i) => {
    const here = `${at}[${i}]`;
    const raw = object(item, here);
    const results = position(raw.results ?? null, `${here}.results`);
    return {
      stage: oneOf(raw.stage, `${here}.stage`, names),
      log: text(raw.log, `${here}.log`, 40),
      bytes: count(raw.bytes, `${here}.bytes`),
      checksum: text(raw.checksum, `${here}.checksum`, 64),
      ...(results === null ? {} : { results }),
    };
  });
}

function readStageCounters(input: unknown, at: string, stage: string): StageCounters {
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
