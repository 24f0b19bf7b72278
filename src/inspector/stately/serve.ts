/**
 * Serves a run to Stately's inspector from this machine. It replaces the relay of `@statelyai/inspect`, which listens on
 * every interface, accepts any origin and forgets actors.
 *
 * 1. A viewer gets every actor, parents first, before the events of that actor, however late it connects.
 * 2. Each actor's state is sent at most every `everyMs`, with the event that led to it.
 * 3. Messages of viewers are dropped.
 */
import type { LiveActor } from '../bridge/actor.js';
import { type ActorListener, ActorTree, type FollowedActor } from '../bridge/actor-tree.js';
import { type BridgeOptions, type BridgeSettings, bridgeSettings } from '../bridge/options.js';
import { Throttle } from '../bridge/throttle.js';
import type { Viewer } from '../bridge/viewer.js';
import { openViewerServer } from '../bridge/viewer-server.js';
import { statelyPage } from './page.js';
import { actorMessage, eventMessage, type StatelyMessage, snapshotMessage } from './wire.js';

export interface StatelyOptions extends BridgeOptions {
  /** The inspector's page. Default: `https://stately.ai/inspect`. */
  readonly ui?: string;
}

export interface StatelyInspector {
  /** URL of this server's page, with Stately's inspector in it. It grants access to every reader of the URL. */
  readonly url: string;
  /** WebSocket address, for other viewers: every message is JSON. */
  readonly socketUrl: string;
  /** Shows another actor as well: `resume` of a stored session replaces `executor.actor`. */
  follow(actor: LiveActor): void;
  close(): Promise<void>;
}

/** Serves the run of an executor's actor to Stately's inspector, a page of stately.ai. The page gets the machines and
 * their states and events (references and counters, never rows) in the browser that opens it.
 * @param actor `executor.actor`, running or not.
 * @throws {InspectorError} when the address cannot be listened on. */
export async function serveStately(
  actor: LiveActor,
  options: StatelyOptions = {},
): Promise<StatelyInspector> {
  const settings = bridgeSettings(options);
  const viewers = new Set<Viewer>();
  const runs = new ShownRuns(settings, viewers);
  const ui = new URL(options.ui ?? 'https://stately.ai/inspect');
  const server = await openViewerServer({
    ...settings,
    origins: [ui.origin],
    page: (address) => statelyPage(ui, address),
    onConnected(viewer) {
      viewers.add(viewer);
      viewer.onCaughtUp = () => runs.replay(viewer);
      runs.replay(viewer);
    },
    onClosed: (viewer) => viewers.delete(viewer),
  });
  runs.follow(actor);
  return {
    url: `${server.origin}/#${new URLSearchParams({ token: server.token })}`,
    socketUrl: server.socketUrl,
    follow: (actor) => runs.follow(actor),
    async close() {
      runs.close();
      await server.close();
    },
  };
}

class ShownRuns {
  readonly #trees: ActorTree[] = [];
  readonly #prefixes = new Map<FollowedActor, string>();
  readonly #throttle: Throttle<FollowedActor>;

  constructor(
    private readonly settings: BridgeSettings,
    private readonly viewers: ReadonlySet<Viewer>,
  ) {
    this.#throttle = new Throttle(settings.timers, settings.everyMs, (actor) => this.#sendState(actor));
  }

  follow(root: LiveActor): void {
    if (this.#trees.some((tree) => tree.root === root)) return;
    const { timers, failed, errorMessages } = this.settings;
    const prefix = this.#trees.length === 0 ? '' : `${this.#trees.length}/`;
    const listener: ActorListener = {
      began: (actor) => {
        this.#prefixes.set(actor, prefix);
        if (this.viewers.size > 0) this.#broadcast(actorMessage(actor, prefix));
      },
      changed: (actor) => {
        if (this.viewers.size > 0) this.#throttle.mark(actor);
      },
      ended: (actor) => {
        this.#throttle.forget(actor);
        if (this.viewers.size > 0) this.#sendState(actor);
      },
      forgotten: (actor) => this.#prefixes.delete(actor),
      failed,
    };
    this.#trees.push(new ActorTree(root, listener, () => timers.now(), errorMessages));
  }

  replay(viewer: Viewer): void {
    const at = this.settings.timers.now();
    viewer.replay(() => {
      for (const [actor, prefix] of this.#prefixes) {
        viewer.send(JSON.stringify(actorMessage(actor, prefix)));
        viewer.send(JSON.stringify(snapshotMessage(actor, prefix, at)));
      }
    });
  }

  close(): void {
    for (const tree of this.#trees) tree.close();
    this.#throttle.clear();
    this.#prefixes.clear();
  }

  #sendState(actor: FollowedActor): void {
    const prefix = this.#prefixes.get(actor);
    if (prefix === undefined) return;
    const at = this.settings.timers.now();
    this.#broadcast(eventMessage(actor, prefix, at));
    this.#broadcast(snapshotMessage(actor, prefix, at));
  }

  #broadcast(message: StatelyMessage): void {
    const text = JSON.stringify(message);
    for (const viewer of this.viewers) viewer.send(text);
  }
}
