/**
 * The server side of `@xstate/inspect`, with its defects contained. It runs once a process, because the package keeps
 * its services in module scope.
 *
 * 1. The package sees one client. Its messages go to the viewers of the room of the actor, or, during a replay, to the
 *    one viewer that gets it.
 * 2. The package receives only `xstate.inspecting` and `xstate.event`, built here from checked parts. A malformed message
 *    would end the process, and `disconnect` would end the inspection for all viewers.
 * 3. `parent` and `id` are added to its messages about an actor.
 * 4. The global that the package overwrites is restored.
 */
import { inspect } from '@xstate/inspect/lib/server.js';
import type { ClassicService } from './service.js';

/** The viewers of one served run. */
export interface Room {
  broadcast(text: string): void;
}

interface Listed {
  readonly room: Room;
  readonly service: ClassicService;
  readonly parent: string | undefined;
}

interface DevTools {
  register(service: ClassicService): void;
}

type Hear = (data: string, isBinary: boolean) => void;

let only: ClassicHub | undefined;

export function classicHub(): ClassicHub {
  only ??= new ClassicHub();
  return only;
}

class ClassicHub {
  readonly #listed = new Map<string, Listed>();
  readonly #devTools: DevTools;
  #hear: Hear = () => {};
  #reply: { readonly room: Room; send(text: string): void } | undefined;
  #next = 0;

  constructor() {
    const client = { OPEN: 1, readyState: 1, send: (text: string) => this.#say(text) };
    const server = {
      clients: [client],
      close: () => {},
      on: (event: string, listener: (socket: { on(event: 'message', hear: Hear): void }) => void) => {
        if (event !== 'connection') return;
        listener({
          on: (_, hear) => {
            this.#hear = hear;
          },
        });
      },
    };
    const holder = globalThis as { __xstate__?: unknown };
    const hadOne = Object.hasOwn(holder, '__xstate__');
    const before = holder.__xstate__;
    // The package uses no other members of a server.
    inspect({ server: server as unknown as Parameters<typeof inspect>[0]['server'] });
    this.#devTools = holder.__xstate__ as DevTools;
    if (hadOne) holder.__xstate__ = before;
    else delete holder.__xstate__;
  }

  /** Unique in the process: XState's ids start over in each system. */
  newSessionId(): string {
    return `x:${this.#next++}`;
  }

  /** Shows the actor to the viewers of the room. */
  register(service: ClassicService, room: Room, parent: string | undefined): void {
    this.#listed.set(service.sessionId, { room, service, parent });
    this.#devTools.register(service);
  }

  /** Shows the viewers of the room that the actor has stopped. */
  stop(service: ClassicService): void {
    service.stop();
    this.#listed.delete(service.sessionId);
  }

  /** Replays every actor of the room to one viewer.
   * @param ended services of stopped actors, which are replayed with their end. */
  replay(room: Room, send: (text: string) => void, ended: readonly Omit<Listed, 'room'>[]): void {
    this.#reply = { room, send };
    try {
      this.#hear('{"type":"xstate.inspecting"}', false);
      for (const { service, parent } of ended) {
        this.register(service, room, parent);
        this.stop(service);
      }
    } finally {
      this.#reply = undefined;
    }
  }

  /** A viewer's event, for an actor of its room. */
  command(room: Room, sessionId: string, type: string): void {
    if (this.#listed.get(sessionId)?.room !== room) return;
    const event = { name: type, data: { type }, $$type: 'scxml', type: 'external', origin: sessionId };
    this.#hear(JSON.stringify({ type: 'xstate.event', event: JSON.stringify(event) }), false);
  }

  #say(text: string): void {
    const message = JSON.parse(text) as { type: string; sessionId: string };
    const listed = this.#listed.get(message.sessionId);
    if (listed === undefined || (this.#reply !== undefined && this.#reply.room !== listed.room)) return;
    const { parent, service } = listed;
    const whole =
      message.type === 'service.register' ? JSON.stringify({ ...message, id: service.id, parent }) : text;
    if (this.#reply === undefined) listed.room.broadcast(whole);
    else this.#reply.send(whole);
  }
}

export type { ClassicHub };
