/**
 * `--inspect`: the inspector's page, or another viewer, for the run in this process.
 *
 * 1. It starts before the run, so that a port in use is reported first. It prints the address on standard error when the
 *    session is known.
 * 2. While a page shows the run, the process stays after the run's end, so that the page can still inspect it, and resume a
 *    paused run. Without a page, the process ends with the run.
 * 3. A child process serves the page from the recording; a bridge to another viewer follows the actor in this process. The
 *    child ends with this process, and its end does not stop the run (I11).
 */
import type { PipelineExecutor } from '../../executor/pipeline-executor.js';
import type { Terminal } from '../output/terminal.js';
import type { StopRequests } from '../stop-requests.js';
import { type Bridge, bridgePackage } from './inspector-package.js';
import type { InspectorKind } from './inspectors.js';
import type { PageServer } from './page-server.js';

/** A page that reloads is disconnected for a moment. */
const RELOAD_MS = 3_000;

const NOTICE = [
  'The viewer is a page of stately.ai: it receives states, counts and positions. Messages of errors are left out.',
  'Chromium asks before such a page connects to this machine (Local Network Access): allow it in the page settings.',
].join('\n');

export interface LiveInspector {
  /** A page shows the run. */
  readonly isWatched: boolean;
  /** Resolves when no page is connected any more. */
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
  const printUrl = (url: string) => terminal.printMessage(`inspector  ${url}`);
  if (typeof viewer === 'string') {
    const bridge = await (await bridgePackage(viewer))(executor.actor);
    whenStarted(executor, () => {
      bridge.follow(executor.actor);
      printUrl(bridge.url);
      terminal.printMessage(terminal.errorColors.dim(NOTICE));
    });
    return watchedThrough(bridge);
  }
  const url = await viewer.listening;
  viewer.onExit((why) =>
    terminal.printMessage(
      terminal.errorColors.yellow(`The inspector has ended (${why}). The run continues.`),
    ),
  );
  whenStarted(executor, (session) => {
    viewer.serveSession(session, () => resumeHere(executor));
    printUrl(`${url}&session=${session}`);
  });
  return watchedThrough(viewer, (isWanted) => viewer.keepAlive(isWanted));
}

/** Resumes a run that is paused in this process. */
function resumeHere(executor: PipelineExecutor): boolean {
  if (executor.state !== 'PAUSED') return false;
  // The promise of the run reports how it ends.
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

/** Calls back once, when the session is known. */
function whenStarted(executor: PipelineExecutor, onStart: (session: string) => void): void {
  let isStarted = false;
  executor.addObserver({
    next() {
      const { sessionId } = executor;
      if (isStarted || sessionId === undefined) return;
      isStarted = true;
      onStart(sessionId);
    },
  });
}

/** The run has paused while a page shows it. @returns whether the page resumed it. */
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

/** The run has ended while a page shows it. */
export function waitForPageClose(
  { waitUntilUnwatched }: LiveInspector,
  terminal: Terminal,
  stops: StopRequests,
): Promise<void> {
  terminal.printMessage('The inspector runs until its page is closed. Press Ctrl-C to end it.');
  return new Promise((resolve) => {
    stops.forwardTo(() => resolve());
    void waitUntilUnwatched().then(resolve);
  });
}
