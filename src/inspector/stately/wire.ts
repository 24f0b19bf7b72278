/**
 * Messages for Stately's inspector: the events of `@statelyai/inspect` 0.7.2, made from data. Pure.
 *
 * `@xstate.actor` introduces an actor; a viewer drops events of unknown actors.
 */
import { type FollowedActor, nameOf, titleOf } from '../bridge/actor-tree.js';
import { contextOf, eventOf } from '../bridge/plain.js';

const VERSION = '0.7.2';

interface Stamp {
  readonly sessionId: string;
  readonly rootId: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: string;
  readonly id: null;
  readonly _version: string;
}

export interface StatelySnapshot {
  readonly status: string;
  readonly value: unknown;
  readonly context: unknown;
  readonly tags: readonly string[];
}

export type StatelyMessage =
  | (Stamp & {
      readonly type: '@xstate.actor';
      readonly name: string;
      readonly parentId: string | undefined;
      /** JSON of the machine's configuration. */
      readonly definition: string;
      readonly snapshot: StatelySnapshot;
    })
  | (Stamp & {
      readonly type: '@xstate.event';
      readonly event: { readonly type: string };
      readonly sourceId: string | undefined;
    })
  | (Stamp & {
      readonly type: '@xstate.snapshot';
      readonly event: { readonly type: string };
      readonly snapshot: StatelySnapshot;
    });

/** @param prefix makes session ids unique: XState's ids start over in each system. */
export function actorMessage(actor: FollowedActor, prefix: string): StatelyMessage {
  const { parent, machine, since } = actor;
  return {
    type: '@xstate.actor',
    name: nameOf(actor),
    ...stamp(actor, prefix, since),
    parentId: parent && `${prefix}${parent.ref.sessionId}`,
    definition: titled(definitionOf(machine), machine.id, titleOf(actor)),
    snapshot: snapshotOf(actor),
  };
}

export function eventMessage(actor: FollowedActor, prefix: string, at: number): StatelyMessage {
  const { sourceId } = actor;
  return {
    type: '@xstate.event',
    ...stamp(actor, prefix, at),
    event: eventOf(actor),
    sourceId: sourceId && `${prefix}${sourceId}`,
  };
}

export function snapshotMessage(actor: FollowedActor, prefix: string, at: number): StatelyMessage {
  return {
    type: '@xstate.snapshot',
    ...stamp(actor, prefix, at),
    event: eventOf(actor),
    snapshot: snapshotOf(actor),
  };
}

function stamp({ ref, rootId }: FollowedActor, prefix: string, at: number): Stamp {
  return {
    sessionId: `${prefix}${ref.sessionId}`,
    rootId: `${prefix}${rootId}`,
    createdAt: `${Math.round(at)}`,
    id: null,
    _version: VERSION,
  };
}

/** Without the output, because a result refers to rows. */
function snapshotOf(actor: FollowedActor): StatelySnapshot {
  const { status, value, tags } = actor.snapshot;
  return { status, value, context: contextOf(actor), tags: [...(tags ?? [])] };
}

/** A viewer titles the chart with the definition's id. A definition with absolute targets keeps its own. */
function titled(definition: string, id: string, title: string): string {
  if (definition.includes(`"#${id}`)) return definition;
  return JSON.stringify({ ...(JSON.parse(definition) as object), id: title });
}

const definitions = new WeakMap<object, string>();

function definitionOf({ id, config }: FollowedActor['machine']): string {
  let text = definitions.get(config);
  if (text === undefined) {
    try {
      text = JSON.stringify(config, (_, value) =>
        typeof value === 'function' ? { type: value.name } : value,
      );
    } catch {
      text = JSON.stringify({ id });
    }
    definitions.set(config, text);
  }
  return text;
}
