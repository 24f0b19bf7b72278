/** The observers of a foreground run: JSON lines, or the session id, notices and a progress bar. */
import { format, inspect } from 'node:util';
import type { PipelineExecutor } from '../../executor/pipeline-executor.js';
import type { PipelineEvent } from '../../observers/events.js';
import { progressBar } from '../../observers/progress/progress-bar.js';
import { Observable } from '../../observers/rx.js';
import { systemClock } from '../../platform/clock.js';
import type { Logger } from '../../platform/logger.js';
import { startedFirst } from './json-events.js';
import type { Terminal } from './terminal.js';

export interface ObserveOptions {
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly quiet: boolean;
  /** Messages to print after the session id. */
  readonly notices: readonly string[];
}

/** @returns the stage and batch that failed, for errors that do not name them. */
export function observeRun(executor: PipelineExecutor, options: ObserveOptions): () => string {
  let where = '';
  executor.addObserver({
    next(event) {
      if (event.type === 'stage.failed') where = `stage "${event.stage}", batch ${event.batch}: `;
    },
  });
  if (options.json) printEvents(executor, options);
  else printProgress(executor, options);
  return () => where;
}

function printEvents(executor: PipelineExecutor, { terminal, notices }: ObserveOptions): void {
  const lines = startedFirst({ write: (line) => terminal.write(line) });
  executor.addObserver({
    next(event) {
      lines.next(event);
      if (event.type === 'pipeline.started') {
        const { sessionId, at } = event;
        for (const message of notices) lines.next({ type: 'notice', sessionId, at, message });
      } else if (isEnd(event)) lines.release();
    },
  });
}

function printProgress(executor: PipelineExecutor, { terminal, quiet, notices }: ObserveOptions): void {
  executor.addObserver({
    next(event) {
      if (event.type !== 'pipeline.started') return;
      terminal.printResult(`session ${event.sessionId}`);
      if (!quiet) for (const notice of notices) terminal.printMessage(terminal.errorColors.yellow(notice));
    },
  });
  if (quiet) return;
  const bar = progressBar({ stream: terminal.progressStream, clock: systemClock });
  if (terminal.progressStream.isTTY) {
    terminal.printMessagesAbove(bar.log);
    for (const method of ['log', 'info', 'debug', 'warn', 'error'] as const)
      printConsoleAbove(method, bar.log);
  }
  // The summary prints how the run ended.
  executor.addObserver((events$) => bar(untilEnd(events$)));
}

const ENDS: readonly PipelineEvent['type'][] = [
  'pipeline.paused',
  'pipeline.cancelled',
  'pipeline.completed',
  'pipeline.failed',
];
const isEnd = (event: PipelineEvent) => ENDS.includes(event.type);

function untilEnd(events$: Observable<PipelineEvent>): Observable<PipelineEvent> {
  return new Observable((subscriber) =>
    events$.subscribe({
      next: (event) => (isEnd(event) ? subscriber.complete() : subscriber.next(event)),
      complete: () => subscriber.complete(),
    }),
  );
}

/** Prints a stage's console output above the live block, which it would overwrite. */
function printConsoleAbove(
  method: 'log' | 'info' | 'debug' | 'warn' | 'error',
  log: (line: string) => void,
): void {
  console[method] = (...values: unknown[]) => {
    for (const line of format(...values).split('\n')) log(line);
  };
}

/** Warnings and errors of the run, on standard error. */
export function terminalLogger(terminal: Terminal): Logger {
  const { yellow, red } = terminal.errorColors;
  const line = (label: string) => (message: string, fields?: object) =>
    terminal.printMessage(
      `${label} ${message}${fields === undefined ? '' : ` ${inspect(fields, { breakLength: Infinity })}`}`,
    );
  return { debug() {}, info() {}, warn: line(yellow('warning:')), error: line(red('error:')) };
}
