/**
 * `--inspect`: the page, or somebody else's viewer, for the run in this process.
 *
 * 1. It is there before the run begins, so that a port that is taken is found before anything runs; where it is, is said
 *    on standard error when the session is known.
 * 2. While a page shows the run, the process outlives it: it can be looked at, and what was paused from the page can be
 *    resumed from there. Without one the process ends as ever.
 */
import type { PipelineExecutor } from '../executor/pipeline-executor.js';
import { type InspectorHost, inspectorHost } from './inspector-host.js';
import { type Bridge, bridgePackage, inspectorPackage } from './inspector-package.js';
import type { InspectorKind } from './inspectors.js';
import type { StopRequests } from './stop-requests.js';
import type { Terminal } from './terminal.js';

/** A page that is loaded again is gone for a moment. */
const RELOAD_MS = 3_000;

export interface LiveInspector {
  /** A page shows the run. */
  readonly isWatched: boolean;
  /** Resolves when nobody looks any more. */
  unwatched(): Promise<void>;
}

export interface LiveInspectorOptions {
  readonly kind: InspectorKind;
  readonly executor: PipelineExecutor;
  readonly stateDir: string;
  readonly terminal: Terminal;
}

/** @throws {InspectorMissingError} and the InspectorError of an address that cannot be listened on. */
export async function liveInspector(options: LiveInspectorOptions): Promise<LiveInspector> {
  const { kind, executor, stateDir, terminal } = options;
  const say = (url: string) => terminal.message(`inspector  ${url}`);
  if (kind !== 'page') {
    const bridge = await (await bridgePackage(kind))(executor.actor);
    whenStarted(executor, () => {
      bridge.follow(executor.actor);
      say(bridge.url);
    });
    return watchedThrough(bridge);
  }
  const { serveInspector } = await inspectorPackage();
  const host = ownHost(inspectorHost({ stateDir }), executor);
  const inspector = await serveInspector(host, { commands: true, session: () => executor.sessionId });
  whenStarted(executor, () => say(inspector.url));
  return watchedThrough(inspector);
}

function watchedThrough(served: Pick<Bridge, 'viewers' | 'onViewers'>): LiveInspector {
  const viewers = () => served.viewers ?? 0;
  return {
    get isWatched() {
      return viewers() > 0;
    },
    unwatched: () =>
      new Promise((resolve) => {
        let timer: NodeJS.Timeout | undefined;
        const look = () => {
          clearTimeout(timer);
          timer = viewers() > 0 ? undefined : setTimeout(resolve, RELOAD_MS);
        };
        served.onViewers?.(look);
        look();
      }),
  };
}

/** Once, when the session is known. */
function whenStarted(executor: PipelineExecutor, tell: () => void): void {
  let isTold = false;
  executor.addObserver({
    next() {
      if (isTold || executor.sessionId === undefined) return;
      isTold = true;
      tell();
    },
  });
}

/** What is paused in this process is resumed in it. */
function ownHost(host: InspectorHost, executor: PipelineExecutor): InspectorHost {
  return {
    sessions: () => host.sessions(),
    open: (id) => host.open(id),
    checkpoint: (id) => host.checkpoint(id),
    async command(id, command) {
      if (command !== 'resume' || id !== executor.sessionId || executor.state !== 'PAUSED')
        return host.command(id, command);
      // How it ends is told to whoever began it.
      executor.resume().catch(() => {});
      return { ok: true, message: 'Resumed.' };
    },
  };
}

/** The run has paused, and a page shows it. @returns whether it was resumed. */
export function resumedFromPage(
  { unwatched }: LiveInspector,
  executor: PipelineExecutor,
  { terminal, stops }: { readonly terminal: Terminal; readonly stops: StopRequests },
): Promise<boolean> {
  terminal.message('Paused and saved. Resume it in the inspector; Ctrl-C, or closing the page, ends here.');
  return new Promise((resolve) => {
    stops.to(() => resolve(false));
    executor.addObserver({ next: ({ type }) => type === 'pipeline.resumed' && resolve(true) });
    void unwatched().then(() => resolve(false));
  });
}

/** The run has ended, and a page shows it. */
export function closedByPage(
  { unwatched }: LiveInspector,
  terminal: Terminal,
  stops: StopRequests,
): Promise<void> {
  terminal.message('The inspector stays until its page is closed. Ctrl-C ends it.');
  return new Promise((resolve) => {
    stops.to(() => resolve());
    void unwatched().then(resolve);
  });
}
