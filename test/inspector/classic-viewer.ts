/**
 * The classic viewer without its pictures: the package's own receiver, and what the viewer does with what it gets
 * (`machine.resolveState`), by the XState 4 that stands beside the package.
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { WebSocket } from 'ws';
import type { AnyState, AnyStateMachine } from '../../src/inspector/node_modules/xstate/lib/index.js';

const load = createRequire(new URL('../../src/inspector/package.json', import.meta.url));
const { createWebSocketReceiver } = load('@xstate/inspect') as {
  createWebSocketReceiver(options: { server: string; protocol: 'ws' }): Receiver;
};

interface Receiver {
  send(message: object): void;
  subscribe(listener: (message: ViewerMessage) => void): void;
}

type ClassicMachine = AnyStateMachine;
type ClassicState = AnyState;

export interface ViewerMessage {
  readonly type: 'service.register' | 'service.state' | 'service.event' | 'service.stop';
  readonly sessionId: string;
  readonly id?: string;
  readonly parent?: string;
  readonly machine?: ClassicMachine;
  readonly state?: ClassicState;
  readonly event?: { readonly name: string; readonly data: { readonly type: string } };
}

export interface Service {
  readonly sessionId: string;
  readonly id: string;
  readonly parent: string | undefined;
  readonly machine: ClassicMachine;
  state: ClassicState;
  isStopped: boolean;
}

export const VIEWER_ORIGIN = 'https://stately.ai';

/** The address of the server, from the address of the viewer's page. */
export function serverOf(url: string): string {
  const server = new URL(url).searchParams.get('server');
  if (server === null) throw new Error('no server in the url');
  return server;
}

/** A connection as a page of `origin` opens it. Rejects with the status of a refusal. */
export function connect(url: string, headers: Readonly<Record<string, string>> = {}): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers: { origin: VIEWER_ORIGIN, ...headers } });
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
}

export class ClassicViewer {
  readonly services = new Map<string, Service>();
  readonly messages: ViewerMessage[] = [];
  readonly #receiver: Receiver;
  readonly #socket: WebSocket;
  #look = () => {};

  constructor(url: string) {
    const [protocol, server] = serverOf(url).split('://') as ['ws', string];
    let socket: WebSocket | undefined;
    const browser = globalThis as { WebSocket?: unknown };
    const before = browser.WebSocket;
    browser.WebSocket = class extends WebSocket {
      constructor(address: string) {
        super(address, { headers: { origin: VIEWER_ORIGIN } });
        socket = this;
      }
    };
    this.#receiver = createWebSocketReceiver({ server, protocol });
    browser.WebSocket = before;
    this.#socket = socket as unknown as WebSocket;
    this.#receiver.subscribe((message) => this.#receive(message));
  }

  /** The viewer's `Send event`. */
  send(sessionId: string, type: string): void {
    const origin = this.services.get(sessionId)?.state._sessionid ?? sessionId;
    const event = { name: type, data: { type }, $$type: 'scxml', type: 'external', origin };
    this.#receiver.send({ type: 'xstate.event', sessionId, event: JSON.stringify(event) });
  }

  service(id: string): Service {
    const [last] = [...this.services.values()].filter((service) => service.id === id).slice(-1);
    if (last === undefined) throw new Error(`the viewer has no ${id}`);
    return last;
  }

  /** Resolves at the message after which the condition holds. */
  until(isSo: (viewer: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (!isSo(this)) return;
        this.#look = () => {};
        resolve();
      };
      this.#look();
    });
  }

  has(id: string, isSo: (service: Service) => boolean = () => true): boolean {
    return [...this.services.values()].some((service) => service.id === id && isSo(service));
  }

  /** Resolves when all messages sent so far have arrived. */
  async heard(): Promise<void> {
    const pong = once(this.#socket, 'pong');
    this.#socket.ping();
    await pong;
  }

  close(): void {
    this.#socket.terminate();
  }

  #receive(message: ViewerMessage): void {
    this.messages.push(message);
    const { type, sessionId, id = '', parent, machine, state } = message;
    const service = this.services.get(sessionId);
    if (type === 'service.register' && machine !== undefined && state !== undefined) {
      const resolved = machine.resolveState(state);
      this.services.set(sessionId, { sessionId, id, parent, machine, state: resolved, isStopped: false });
    } else if (service === undefined) throw new Error(`${type} of an actor that was not registered`);
    else if (type === 'service.state' && state !== undefined)
      service.state = service.machine.resolveState(state);
    else if (type === 'service.stop') service.isStopped = true;
    this.#look();
  }
}
