/**
 * Format 1 of the machine's context and events, as release 0.1.0 wrote them, in the words of format 2. Pure.
 *
 * Checkpoints and recordings of 0.1.0 are read through here. Format 1 named the executor's activity by ten booleans
 * (`flow`) whose meaning did not change; format 2 has fields of a few values (`Activity` in `machines/context.ts`).
 */
import type { Activity } from '../../machines/context.js';
import { isObject, type JsonObject } from './json.js';

/** The executor's context in today's words. Returns any other value as it is, also a context of format 2. */
export function contextOfFormat1<Context>(context: Context): Context | JsonObject {
  if (!isObject(context) || !isObject(context.flow)) return context;
  const { flow, suspicion, settings, ...rest } = context as JsonObject;
  return {
    ...rest,
    settings: settingsOfFormat1(settings),
    activity: activityOf(flow as JsonObject, rest.flushing !== null) as unknown as JsonObject,
    suspects: suspectsOf(suspicion),
  } as JsonObject;
}

/** An event of the executor in today's words. */
export function eventOfFormat1<Event extends { readonly type: string }>(event: Event): Event {
  const { type, ...fields } = event as { readonly type: string } & Readonly<Record<string, unknown>>;
  return {
    ...fieldsOf(type, fields),
    type: type === 'rested' ? 'minimumPause.over' : type,
  } as unknown as Event;
}

function fieldsOf(type: string, fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const renamed = RENAMED[type];
  if (type === 'execute' && isObject(fields.settings))
    return { ...fields, settings: settingsOfFormat1(fields.settings) };
  if (renamed === undefined) return fields;
  const [from, to] = renamed;
  const { [from]: value, ...others } = fields;
  return value === undefined ? others : { ...others, [to]: value };
}

const RENAMED: Readonly<Record<string, readonly [from: string, to: string]>> = {
  'source.batches': ['condemned', 'quarantined'],
  'sink.written': ['facts', 'counters'],
  'checkpoint.saved': ['resting', 'minimumPause'],
};

function settingsOfFormat1(settings: unknown): JsonObject {
  const { maxDeaths, ...others } = settings as JsonObject;
  return { ...others, ...(maxDeaths === undefined ? {} : { maxCrashes: maxDeaths }) };
}

function suspectsOf(suspicion: unknown): JsonObject | null {
  if (!isObject(suspicion)) return null;
  const { deaths, ...range } = suspicion as JsonObject;
  return { ...range, crashes: deaths ?? null };
}

function activityOf(flow: JsonObject, isFlushing: boolean): Activity {
  const committer = flow.resting === true ? 'resting' : 'idle';
  const publisher = flow.sealed === true ? 'ready' : 'idle';
  return {
    reader: flow.exhausted === true ? 'ended' : flow.reading === true ? 'reading' : 'idle',
    writer: flow.writing === true ? 'writing' : 'idle',
    committer: flow.committing !== true ? committer : isFlushing ? 'flushing' : 'saving',
    publisher: flow.published === true ? 'published' : flow.publishing === true ? 'publishing' : publisher,
    timer: flow.commitDue === true ? 'due' : 'running',
    origin: 'run',
    goal: flow.pausing === true ? 'pause' : 'run',
  };
}

/** `flow.reading` as a path of today's context. */
export function pathOfFormat1(path: string): string {
  const [head, key] = path.split('.');
  if (head === 'suspicion') return 'suspects';
  return head === 'flow' ? `activity.${KEYS[key ?? ''] ?? ''}` : path;
}

const KEYS: Readonly<Record<string, keyof Activity>> = {
  ...{ reading: 'reader', exhausted: 'reader', writing: 'writer', committing: 'committer' },
  ...{ resting: 'committer', commitDue: 'timer', pausing: 'goal' },
  ...{ sealed: 'publisher', publishing: 'publisher', published: 'publisher' },
};
