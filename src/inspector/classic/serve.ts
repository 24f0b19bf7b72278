/**
 * Serves a run to viewers of `@xstate/inspect`, which are made with XState 4.
 *
 * 1. What viewers get is made by that package, from services that look like those of XState 4.
 * 2. A state of each actor at most every `everyMs`: at 60 a second the viewer hangs.
 * 3. Of what viewers send, the executor gets `pause`, `resume`, `cancel` and `execute`, and ignores them where they
 *    are not legal; nothing else gets anywhere.
 */
import type { LiveActor, LiveEvent, LiveSnapshot } from '../bridge/actor.js';
import { type ActorListener, ActorTree, type FollowedActor } from '../bridge/actor-tree.js';
import { type Door, openDoor } from '../bridge/door.js';
import { type BridgeOptions, type BridgeSettings, bridgeSettings } from '../bridge/options.js';
import { Pace } from '../bridge/pace.js';
import type { Viewer } from '../bridge/viewer.js';
import { isCommand, parseSaid } from './commands.js';
import { classicHub, type Room } from './hub.js';
import { ClassicService } from './service.js';

export interface ClassicOptions extends BridgeOptions {
  /** The viewer's page. Default: `https://stately.ai/viz?inspect`, the package's own. */
  readonly viewer?: string;
  /** Whether viewers may pause, resume, cancel and execute. Default true. */
  readonly commands?: boolean;
  /** What a viewer's `execute` does in IDLE. Default nothing: there a `PipelineExecutor` needs a pipeline. */
  readonly execute?: () => void;
}

export interface ClassicInspector {
  /** The viewer's page with this server's address, to be opened in a browser. Whoever has it may look. */
  readonly url: string;
  /** Shows another actor too: `executor.actor` is another one after `resume` of a stored session. */
  follow(actor: LiveActor): void;
  /** Pages that are connected. */
  readonly viewers: number;
  /** Calls back whenever a page has come or gone. */
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
  const tell = (viewers: number) => {
    for (const listener of listeners) listener(viewers);
  };
  const door = await openDoor({
    ...settings,
    origins: [viewer.origin],
    came: (viewer) => {
      viewer.onCaughtUp = () => served.replay(viewer);
      tell(door.viewers.size);
    },
    left: () => tell(door.viewers.size),
    said: (viewer, text) => served.hear(viewer, text),
  });
  served.open(door);
  served.follow(actor);
  return {
    url: `${viewer.href}${viewer.search === '' ? '?' : '&'}server=${encodeURIComponent(door.socketUrl)}`,
    follow: (actor) => served.follow(actor),
    get viewers() {
      return door.viewers.size;
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
  readonly #pace: Pace<FollowedActor>;
  #door: Door | undefined;
  /** Those that asked: before, the viewer's page listens to nothing. */
  readonly #listening = new WeakSet<Viewer>();

  constructor(
    private readonly options: ClassicOptions,
    private readonly settings: BridgeSettings,
  ) {
    this.#pace = new Pace(settings.timers, settings.everyMs, (actor) => this.#tell(actor));
  }

  open(door: Door): void {
    this.#door = door;
  }

  follow(root: LiveActor): void {
    if (this.#trees.some((tree) => tree.root === root)) return;
    const listener: ActorListener = {
      began: (actor) => this.#began(actor, root),
      changed: (actor) => {
        this.#shown.get(actor)?.service.changed();
        if (this.#isWatched) this.#pace.mark(actor);
      },
      ended: (actor) => {
        const shown = this.#shown.get(actor);
        if (shown === undefined) return;
        shown.service.changed();
        this.#pace.forget(actor);
        if (this.#isWatched) shown.service.tell();
        this.#hub.stop(shown.service);
      },
      forgotten: (actor) => this.#shown.delete(actor),
      failed: this.settings.failed,
    };
    this.#trees.push(new ActorTree(root, listener, () => this.settings.timers.now()));
  }

  hear(viewer: Viewer, text: string): void {
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
    for (const viewer of this.#door?.viewers ?? []) if (this.#listening.has(viewer)) viewer.send(text);
  }

  async close(): Promise<void> {
    for (const tree of this.#trees) tree.close();
    this.#pace.clear();
    for (const { actor, service } of this.#shown.values()) if (!actor.hasEnded) this.#hub.stop(service);
    this.#shown.clear();
    await this.#door?.close();
  }

  get #isWatched(): boolean {
    return (this.#door?.viewers.size ?? 0) > 0;
  }

  #began(actor: FollowedActor, root: LiveActor): void {
    const parent = actor.parent === undefined ? undefined : this.#shown.get(actor.parent)?.service.sessionId;
    const service = this.#serviceOf(actor, root, this.#hub.newSessionId());
    this.#shown.set(actor, { actor, root, service, parent });
    this.#hub.register(service, this, parent);
  }

  #serviceOf(actor: FollowedActor, root: LiveActor, sessionId: string): ClassicService {
    return new ClassicService(actor, sessionId, (type) => {
      // From a fresh stack: the package is in the middle of a transition of its own.
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

  #tell(actor: FollowedActor): void {
    this.#shown.get(actor)?.service.tell();
  }
}
