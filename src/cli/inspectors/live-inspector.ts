/**
 * `--inspect`: the page, or somebody else's viewer, for the run in this process.
 *
 * 1. It is there before the run begins, so that a port that is taken is found before anything runs; where it is, is said
 *    on standard error when the session is known.
 * 2. While a page shows the run, the process outlives it: it can be looked at, and what was paused from the page can be
 *    resumed from there. Without one the process ends as ever.
 * 3. The page is served by a process of its own, from the recording; the bridges follow the actor, and are in this one.
 *    That process ends with this one, and this one goes on when that one ends (I11).
 */
import type { PipelineExecutor } from '../../executor/pipeline-executor.js';
import type { Terminal } from '../output/terminal.js';
import type { StopRequests } from '../stop-requests.js';
import { type Bridge, bridgePackage } from './inspector-package.js';
import type { InspectorKind } from './inspectors.js';
import type { PageServer } from './page-server.js';

/** A page that is loaded again is gone for a moment. */
const RELOAD_MS = 3_000;

export interface LiveInspector {
  /** A page shows the run. */
  readonly isWatched: boolean;
  /** Resolves when nobody looks any more. */
  waitUntilUnwatched(): Promise<void>;
}

export interface LiveInspectorOptions {
  readonly viewer: RunViewer;
  readonly executor: PipelineExecutor;
  readonly terminal: Terminal;
}

export type RunViewer = PageServer | Exclude<InspectorKind, 'page'>;

/** @throws {InspectorMissingError} and the InspectorError of an address that cannot be listened on. */
export async function openLiveInspector(options: LiveInspectorOptions): Promise<LiveInspector> {
  const { viewer, executor, terminal } = options;
  const say = (url: string) => terminal.printMessage(`inspector  ${url}`);
  if (typeof viewer === 'string') {
    const bridge = await (await bridgePackage(viewer))(executor.actor);
    whenStarted(executor, () => {
      bridge.follow(executor.actor);
      say(bridge.url);
    });
    return watchedThrough(bridge);
  }
  const url = await viewer.listening;
  viewer.onExit((why) =>
    terminal.printMessage(terminal.errorColors.yellow(`The inspector has ended (${why}). The run goes on.`)),
  );
  whenStarted(executor, (session) => {
    viewer.serveSession(session, () => resumeHere(executor));
    say(`${url}&session=${session}`);
  });
  return watchedThrough(viewer, (isWanted) => viewer.keepAlive(isWanted));
}

/** What is paused in this process is resumed in it. */
function resumeHere(executor: PipelineExecutor): boolean {
  if (executor.state !== 'PAUSED') return false;
  // How it ends is told to whoever began it.
  executor.resume().catch(() => {});
  return true;
}

/** @param hold keeps this process alive for it. */
function watchedThrough(
  served: Pick<Bridge, 'viewers' | 'onViewers'>,
  hold: (isWanted: boolean) => void = () => {},
): LiveInspector {
  const viewers = () => served.viewers ?? 0;
  return {
    get isWatched() {
      return viewers() > 0;
    },
    waitUntilUnwatched: () =>
      new Promise((resolve) => {
        let timer: NodeJS.Timeout | undefined;
        const left = () => {
          hold(false);
          resolve();
        };
        const look = () => {
          clearTimeout(timer);
          timer = viewers() > 0 ? undefined : setTimeout(left, RELOAD_MS);
        };
        served.onViewers?.(look);
        hold(true);
        look();
      }),
  };
}

/** Once, when the session is known. */
function whenStarted(executor: PipelineExecutor, tell: (session: string) => void): void {
  let isTold = false;
  executor.addObserver({
    next() {
      const { sessionId } = executor;
      if (isTold || sessionId === undefined) return;
      isTold = true;
      tell(sessionId);
    },
  });
}

/** The run has paused, and a page shows it. @returns whether it was resumed. */
export function waitForPageResume(
  { waitUntilUnwatched }: LiveInspector,
  executor: PipelineExecutor,
  { terminal, stops }: { readonly terminal: Terminal; readonly stops: StopRequests },
): Promise<boolean> {
  terminal.printMessage(
    'Paused and saved. Resume it in the inspector; Ctrl-C, or closing the page, ends here.',
  );
  return new Promise((resolve) => {
    stops.forwardTo(() => resolve(false));
    executor.addObserver({ next: ({ type }) => type === 'pipeline.resumed' && resolve(true) });
    void waitUntilUnwatched().then(() => resolve(false));
  });
}

/** The run has ended, and a page shows it. */
export function waitForPageClose(
  { waitUntilUnwatched }: LiveInspector,
  terminal: Terminal,
  stops: StopRequests,
): Promise<void> {
  terminal.printMessage('The inspector stays until its page is closed. Ctrl-C ends it.');
  return new Promise((resolve) => {
    stops.forwardTo(() => resolve());
    void waitUntilUnwatched().then(resolve);
  });
}
