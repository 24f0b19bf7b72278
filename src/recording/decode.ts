/**
 * Decodes a line of a recording. Nothing is trusted (I9): size and depth are bounded, keys that reach a prototype are refused, and
 * the shape of the kind is checked. A line that fails is a `damaged` record, never an error.
 */

import { isObject, type JsonObject, parseUntrusted } from '../formats/json.js';
import { messageOf } from '../platform/thrown.js';
import type { ActorFrame, ActorStatus, RecordingRecord, StateValue } from './format.js';
import { EMPTY_PATCH, type Patch } from './patch.js';

/** Characters of a line: a keyframe is as large as a checkpoint. */
export const MAX_LINE = 1024 * 1024;
export const MAX_DEPTH = 32;

export function decodeRecord(line: string, n: number, at: number): RecordingRecord {
  try {
    const value = parseUntrusted(line, { maxLength: MAX_LINE, maxDepth: MAX_DEPTH });
    if (!isObject(value)) throw new SyntaxError('not an object');
    const { k, n: _, t: __, ...rest } = value as JsonObject;
    return decode(String(k), rest, { n, at });
  } catch (error) {
    return { type: 'damaged', n, at, reason: messageOf(error) };
  }
}

type Fields = Readonly<Record<string, unknown>>;

function decode(
  kind: string,
  fields: Fields,
  stamp: { readonly n: number; readonly at: number },
): RecordingRecord {
  switch (kind) {
    case 's':
    case 'S':
      return { type: 'step', ...stamp, ...step(fields) };
    case 'v':
    case 'V':
      return { type: 'event', ...stamp, event: event(fields.v) };
    case 'k':
      return { type: 'keyframe', ...stamp, actors: framesOf(fields.actors) };
    case 'a':
      return { type: 'actor', ...stamp, actor: text(fields.actor), ...frame(fields) };
    case 'b':
      return { type: 'begin', ...stamp, ...begin(fields) };
    case 'd':
      return { type: 'definition', ...stamp, id: text(fields.id), definition: definition(fields.definition) };
    case 'e':
      return { type: 'end', ...stamp, reason: text(fields.reason) };
    default:
      throw new SyntaxError('unknown kind of record');
  }
}

function step({ a, e, f, o, x, st, p }: Fields) {
  const from = stateValue(f);
  return {
    actor: text(a),
    event: e === null ? null : event(e),
    from,
    to: o === undefined ? from : stateValue(o),
    transition: x === undefined ? null : whole(x),
    ...(st === undefined ? {} : { status: status(st) }),
    patch: p === undefined ? EMPTY_PATCH : patch(p),
  };
}

function begin(fields: Fields) {
  const { format, sessionId, pipeline, stages, pid, epoch, threads, resumed, continued } = fields;
  return {
    format: whole(format),
    sessionId: text(sessionId),
    pipeline: text(pipeline),
    stages: list(stages).map(text),
    pid: pid === null ? null : whole(pid),
    epoch: epoch === null ? null : whole(epoch),
    threads: threads === undefined || threads === null ? null : whole(threads),
    resumed: resumed === true,
    continued: continued === true,
    dropped: 0,
  };
}

function definition(value: unknown) {
  const { id, initial, states, transitions, internal } = object(value);
  return {
    id: text(id),
    initial: nullable(initial),
    states: list(states).map((item) => {
      const state = object(item);
      const { path, key, parent, type } = state;
      return {
        ...{ path: text(path), key: text(key), parent: text(parent), type: text(type) },
        initial: nullable(state.initial),
        entry: list(state.entry).map(text),
        exit: list(state.exit).map(text),
      };
    }),
    ...(internal === undefined ? {} : { internal: list(internal).map(text) }),
    transitions: list(transitions).map((item) => {
      const { source, event: on, targets, guard, actions, reenter } = object(item);
      return {
        ...{ source: text(source), event: text(on), targets: list(targets).map(text) },
        ...{ guard: nullable(guard), actions: list(actions).map(text), reenter: reenter === true },
      };
    }),
  };
}

const framesOf = (value: unknown): Record<string, ActorFrame> =>
  Object.fromEntries(Object.entries(object(value)).map(([name, item]) => [name, frame(object(item))]));

function frame({ definition: id, parent, state, status: is, context }: Fields): ActorFrame {
  return {
    definition: text(id),
    parent: nullable(parent),
    state: stateValue(state),
    status: status(is),
    context: object(context),
  };
}

function event(value: unknown): { readonly type: string } & JsonObject {
  const fields = object(value);
  return { ...fields, type: text(fields.type) };
}

function patch(value: unknown): Patch {
  const { set, unset, in: inside, splice } = object(value) as Fields;
  return {
    ...(set === undefined ? {} : { set: object(set) }),
    ...(unset === undefined ? {} : { unset: list(unset).map(text) }),
    ...(inside === undefined
      ? {}
      : { in: Object.fromEntries(Object.entries(object(inside)).map(([key, item]) => [key, patch(item)])) }),
    ...(splice === undefined ? {} : { splice: splices(splice) }),
  };
}

function splices(value: unknown): { [key: string]: readonly [] } {
  const all = object(value);
  for (const item of Object.values(all)) {
    const [start, removed] = list(item);
    whole(start);
    whole(removed);
  }
  return all as { [key: string]: readonly [] };
}

const STATUSES: readonly ActorStatus[] = ['active', 'done', 'error', 'stopped'];

function status(value: unknown): ActorStatus {
  return STATUSES.find((known) => known === value) ?? wrong();
}

function stateValue(value: unknown): StateValue {
  return typeof value === 'string' ? value : (object(value) as { readonly [key: string]: StateValue });
}

function object(value: unknown): JsonObject {
  return isObject(value) ? (value as JsonObject) : wrong();
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : wrong();
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : wrong();
}

function nullable(value: unknown): string | null {
  return value === null ? null : text(value);
}

function whole(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : wrong();
}

function wrong(): never {
  throw new SyntaxError('wrong shape of the record');
}
