/**
 * Serves a run to Stately's inspector, from this machine: the package's own relay listens on every interface, takes
 * any origin, and forgets actors.
 *
 * 1. A viewer is told of every actor, parents first, before of anything that happens to it, whenever it comes.
 * 2. A state of each actor at most every `everyMs`, and the event that led to it.
 * 3. Nothing that a viewer sends gets anywhere.
 */
import type { LiveActor } from '../bridge/actor.js';
import { type ActorListener, ActorTree, type FollowedActor } from '../bridge/actor-tree.js';
import { openDoor } from '../bridge/door.js';
import { type BridgeOptions, type BridgeSettings, bridgeSettings } from '../bridge/options.js';
import { Pace } from '../bridge/pace.js';
import type { Viewer } from '../bridge/viewer.js';
import { statelyPage } from './page.js';
import { actorMessage, eventMessage, type StatelyMessage, snapshotMessage } from './wire.js';

export interface StatelyOptions extends BridgeOptions {
  /** The inspector's page. Default: `https://stately.ai/inspect`. */
  readonly ui?: string;
}

export interface StatelyInspector {
  /** A page of this server, with Stately's in it, to be opened in a browser. Whoever has it may look. */
  readonly url: string;
  /** For a viewer that connects by itself: a WebSocket with every message as JSON. */
  readonly socketUrl: string;
  /** Shows another actor too: `executor.actor` is another one after `resume` of a stored session. */
  follow(actor: LiveActor): void;
  close(): Promise<void>;
}

/** Serves the run of an executor's actor to Stately's inspector, which is a page of theirs: it is shown what the
 * machines are and do (references and figures, never rows) in the browser that opens it.
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
  const door = await openDoor({
    ...settings,
    origins: [ui.origin],
    page: (address) => statelyPage(ui, address),
    came(viewer) {
      viewers.add(viewer);
      viewer.onCaughtUp = () => runs.replay(viewer);
      runs.replay(viewer);
    },
    left: (viewer) => viewers.delete(viewer),
  });
  runs.follow(actor);
  return {
    url: `${door.origin}/#${new URLSearchParams({ token: door.token })}`,
    socketUrl: door.socketUrl,
    follow: (actor) => runs.follow(actor),
    async close() {
      runs.close();
      await door.close();
    },
  };
}

class ShownRuns {
  readonly #trees: ActorTree[] = [];
  readonly #prefixes = new Map<FollowedActor, string>();
  readonly #pace: Pace<FollowedActor>;

  constructor(
    private readonly settings: BridgeSettings,
    private readonly viewers: ReadonlySet<Viewer>,
  ) {
    this.#pace = new Pace(settings.timers, settings.everyMs, (actor) => this.#tell(actor));
  }

  follow(root: LiveActor): void {
    if (this.#trees.some((tree) => tree.root === root)) return;
    const { timers, failed } = this.settings;
    const prefix = this.#trees.length === 0 ? '' : `${this.#trees.length}/`;
    const listener: ActorListener = {
      began: (actor) => {
        this.#prefixes.set(actor, prefix);
        if (this.viewers.size > 0) this.#broadcast(actorMessage(actor, prefix));
      },
      changed: (actor) => {
        if (this.viewers.size > 0) this.#pace.mark(actor);
      },
      ended: (actor) => {
        this.#pace.forget(actor);
        if (this.viewers.size > 0) this.#tell(actor);
      },
      forgotten: (actor) => this.#prefixes.delete(actor),
      failed,
    };
    this.#trees.push(new ActorTree(root, listener, () => timers.now()));
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
    this.#pace.clear();
    this.#prefixes.clear();
  }

  #tell(actor: FollowedActor): void {
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
