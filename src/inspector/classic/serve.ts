/**
 * Serves a run to viewers of `@xstate/inspect`, which are made with XState 4.
 *
 * 1. The package makes the messages, from services in the shape of XState 4.
 * 2. Each actor's state is sent at most every `everyMs`: at 60 states a second the viewer hangs.
 * 3. A viewer can send `pause`, `resume`, `cancel` and `execute`, which the executor ignores in states where they are
 *    illegal. Other messages are dropped.
 */
import type { LiveActor, LiveEvent, LiveSnapshot } from '../bridge/actor.js';
import { type ActorListener, ActorTree, type FollowedActor } from '../bridge/actor-tree.js';
import { type BridgeOptions, type BridgeSettings, bridgeSettings } from '../bridge/options.js';
import { Throttle } from '../bridge/throttle.js';
import type { Viewer } from '../bridge/viewer.js';
import { openViewerServer, type ViewerServer } from '../bridge/viewer-server.js';
import { isCommand, parseSaid } from './commands.js';
import { classicHub, type Room } from './hub.js';
import { ClassicService } from './service.js';

export interface ClassicOptions extends BridgeOptions {
  /** The viewer's page. Default: `https://stately.ai/viz?inspect`, the package's own. */
  readonly viewer?: string;
  /** Whether viewers may pause, resume, cancel and execute. Default true. */
  readonly commands?: boolean;
  /** Runs on a viewer's `execute` in IDLE. Default: nothing, because a `PipelineExecutor` needs a pipeline there. */
  readonly execute?: () => void;
}

export interface ClassicInspector {
  /** URL of the viewer's page with this server's address. It grants access to every reader of the URL. */
  readonly url: string;
  /** Shows another actor as well: `resume` of a stored session replaces `executor.actor`. */
  follow(actor: LiveActor): void;
  /** Number of connected pages. */
  readonly viewers: number;
  /** Called when a page connects or disconnects. */
  onViewers(listener: (viewers: number) => void): void;
  close(): Promise<void>;
}

const VIEWER = 'https://stately.ai/viz?inspect';

/** Serves the run of an executor's actor to `@xstate/inspect`'s viewer.
 * @param actor `executor.actor`, running or not.
 * @throws {InspectorError} when the address cannot be listened on. */
export async function serveClassic(
  actor: LiveActor,
  options: ClassicOptions = {},
): Promise<ClassicInspector> {
  const settings = bridgeSettings(options);
  const served = new ServedRuns(options, settings);
  const viewer = new URL(options.viewer ?? VIEWER);
  const listeners: ((viewers: number) => void)[] = [];
  const notify = (viewers: number) => {
    for (const listener of listeners) listener(viewers);
  };
  const server = await openViewerServer({
    ...settings,
    origins: [viewer.origin],
    onConnected: (viewer) => {
      viewer.onCaughtUp = () => served.replay(viewer);
      notify(server.viewers.size);
    },
    onClosed: () => notify(server.viewers.size),
    onMessage: (viewer, text) => served.receive(viewer, text),
  });
  served.open(server);
  served.follow(actor);
  return {
    url: `${viewer.href}${viewer.search === '' ? '?' : '&'}server=${encodeURIComponent(server.socketUrl)}`,
    follow: (actor) => served.follow(actor),
    get viewers() {
      return server.viewers.size;
    },
    onViewers: (listener) => listeners.push(listener),
    close: () => served.close(),
  };
}

interface Shown {
  readonly actor: FollowedActor;
  readonly root: LiveActor;
  readonly service: ClassicService;
  readonly parent: string | undefined;
}

class ServedRuns implements Room {
  readonly #hub = classicHub();
  readonly #trees: ActorTree[] = [];
  readonly #shown = new Map<FollowedActor, Shown>();
  readonly #throttle: Throttle<FollowedActor>;
  #server: ViewerServer | undefined;
  /** Viewers that have asked for actors: before that, the page ignores messages. */
  readonly #listening = new WeakSet<Viewer>();

  constructor(
    private readonly options: ClassicOptions,
    private readonly settings: BridgeSettings,
  ) {
    this.#throttle = new Throttle(settings.timers, settings.everyMs, (actor) => this.#sendState(actor));
  }

  open(server: ViewerServer): void {
    this.#server = server;
  }

  follow(root: LiveActor): void {
    if (this.#trees.some((tree) => tree.root === root)) return;
    const listener: ActorListener = {
      began: (actor) => this.#began(actor, root),
      changed: (actor) => {
        this.#shown.get(actor)?.service.changed();
        if (this.#isWatched) this.#throttle.mark(actor);
      },
      ended: (actor) => {
        const shown = this.#shown.get(actor);
        if (shown === undefined) return;
        shown.service.changed();
        this.#throttle.forget(actor);
        if (this.#isWatched) shown.service.notify();
        this.#hub.stop(shown.service);
      },
      forgotten: (actor) => this.#shown.delete(actor),
      failed: this.settings.failed,
    };
    this.#trees.push(
      new ActorTree(root, listener, () => this.settings.timers.now(), this.settings.errorMessages),
    );
  }

  receive(viewer: Viewer, text: string): void {
    const said = parseSaid(text);
    if (said?.type === 'inspecting') this.replay(viewer);
    else if (said?.type === 'event' && this.#listening.has(viewer) && this.options.commands !== false)
      this.#hub.command(this, said.to, said.event);
  }

  replay(viewer: Viewer): void {
    this.#listening.add(viewer);
    const ended = [...this.#shown.values()]
      .filter(({ actor }) => actor.hasEnded)
      .map(({ actor, root, service, parent }) => ({
        service: this.#serviceOf(actor, root, service.sessionId),
        parent,
      }));
    viewer.replay(() => this.#hub.replay(this, (text) => viewer.send(text), ended));
  }

  broadcast(text: string): void {
    for (const viewer of this.#server?.viewers ?? []) if (this.#listening.has(viewer)) viewer.send(text);
  }

  async close(): Promise<void> {
    for (const tree of this.#trees) tree.close();
    this.#throttle.clear();
    for (const { actor, service } of this.#shown.values()) if (!actor.hasEnded) this.#hub.stop(service);
    this.#shown.clear();
    await this.#server?.close();
  }

  get #isWatched(): boolean {
    return (this.#server?.viewers.size ?? 0) > 0;
  }

  #began(actor: FollowedActor, root: LiveActor): void {
    const parent = actor.parent === undefined ? undefined : this.#shown.get(actor.parent)?.service.sessionId;
    const service = this.#serviceOf(actor, root, this.#hub.newSessionId());
    this.#shown.set(actor, { actor, root, service, parent });
    this.#hub.register(service, this, parent);
  }

  #serviceOf(actor: FollowedActor, root: LiveActor, sessionId: string): ClassicService {
    return new ClassicService(actor, sessionId, (type) => {
      // In a fresh stack: the package is inside a transition of its own.
      queueMicrotask(() => this.#command(actor, root, type));
    });
  }

  #command(actor: FollowedActor, root: LiveActor, type: string): void {
    if (actor.hasEnded || actor.parent !== undefined || !isCommand(type)) return;
    const snapshot = root.getSnapshot() as LiveSnapshot;
    const event: LiveEvent = { type };
    try {
      if (type === 'execute' && snapshot.value === 'IDLE') this.options.execute?.();
      else root.send(event as never);
    } catch (error) {
      this.settings.failed(error);
    }
  }

  #sendState(actor: FollowedActor): void {
    this.#shown.get(actor)?.service.notify();
  }
}
