/**
 * A run on a terminal: a live block that repaints in place, then one line that stays. Plain lines if the output is not a
 * terminal. This file decides when to write: at the start, at an interval, at the end. `progress-lines.ts` and
 * `progress-summary.ts` decide what, `terminal-block.ts` how.
 */
import pc from 'picocolors';
import type { Observable } from 'rxjs';
import { type Clock, systemClock } from '../../platform/clock.js';
import type { PipelineEvent, PipelineEventOf } from '../events.js';
import { onResize } from '../output-stream.js';
import { Subscription } from '../rx.js';
import { progressAt } from './progress.js';
import { progressLines } from './progress-lines.js';
import { deliveryLines, plainLine, stallLine, startLine, summaryLine } from './progress-summary.js';
import { reduceProgress } from './reduce-progress.js';
import { NO_RUN_COUNTERS } from './run-counters.js';
import { sizeOf, TerminalBlock, type TerminalStream } from './terminal-block.js';
import { printable } from './terminal-text.js';

/** Where a progress bar is drawn, and how. */
export interface ProgressBarOptions {
  /** Default: standard error; in a browser, nothing is drawn. */
  readonly stream?: TerminalStream;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: what picocolors finds out (NO_COLOR, FORCE_COLOR, whether there is a terminal); never on a plain stream. */
  readonly color?: boolean;
  /** Only ASCII characters. Default false. */
  readonly ascii?: boolean;
  /** Milliseconds between repaints. Default 100. */
  readonly intervalMs?: number;
  /** Milliseconds between lines where the stream is not a terminal. Default 10,000. */
  readonly plainIntervalMs?: number;
}

/** Given to `addObserver`. */
export interface ProgressBar {
  (events$: Observable<PipelineEvent>): Subscription;
  /** Prints a line above the live block. Without a block, prints it. */
  log(line: string): void;
}

/**
 * Draws the progress of a run on a terminal.
 * @example executor.addObserver(progressBar());
 */
export function progressBar(options: ProgressBarOptions = {}): ProgressBar {
  const {
    stream = standardError(),
    clock = systemClock,
    ascii = false,
    intervalMs = 100,
    plainIntervalMs = 10_000,
  } = options;
  const live = stream.isTTY === true;
  const colors = pc.createColors(options.color ?? (live && pc.isColorSupported));
  const output = new TerminalBlock(stream);

  const observe = (events$: Observable<PipelineEvent>): Subscription => {
    let counters = NO_RUN_COUNTERS;
    let frame = 0;
    let cancelTimer: (() => void) | undefined;

    const paint = () => {
      const now = clock.now();
      if (live) {
        const { columns, rows } = sizeOf(stream);
        output.paint(progressLines(progressAt(counters, now), { columns, rows, ascii, colors, frame, now }));
      } else output.print(plainLine(progressAt(counters, now), ascii));
    };
    const arm = () => {
      cancelTimer = clock.setTimer(
        () => {
          frame++;
          paint();
          arm();
        },
        live ? intervalMs : plainIntervalMs,
        { keepsProcessAlive: false },
      );
    };
    const disarm = () => {
      cancelTimer?.();
      cancelTimer = undefined;
    };
    const begin = () => {
      disarm();
      arm();
      if (live) paint();
    };
    const end = (event: EndEvent) => {
      disarm();
      output.finish(summaryLine(progressAt(counters, clock.now()), event, colors, ascii));
    };

    const subscription = new Subscription(() => {
      disarm();
      output.clear();
      stopResizing();
    });
    const repaint = () => {
      if (cancelTimer !== undefined) paint();
    };
    const stopResizing = live ? onResize(stream, repaint) : () => {};
    subscription.add(
      events$.subscribe({
        next(event) {
          counters = reduceProgress(counters, event);
          switch (event.type) {
            case 'pipeline.started':
              if (!live) output.print(startLine(event));
              begin();
              break;
            case 'pipeline.resumed':
              begin();
              break;
            case 'pipeline.paused':
            case 'pipeline.cancelled':
            case 'pipeline.completed':
            case 'pipeline.failed':
              end(event);
              break;
            case 'stage.stalled':
              output.print(colors.yellow(stallLine(event)));
              break;
            case 'delivery.started':
            case 'delivery.failed':
              for (const line of deliveryLines(event)) output.print(line);
              break;
            case 'notice':
              output.print(colors.yellow(printable(event.message)));
              break;
          }
        },
        complete: () => subscription.unsubscribe(),
      }),
    );
    return subscription;
  };
  return Object.assign(observe, { log: (line: string) => output.print(line) });
}

function standardError(): TerminalStream {
  const { process } = globalThis as { readonly process?: { readonly stderr?: TerminalStream } };
  return process?.stderr ?? { write: () => {} };
}

type EndEvent = PipelineEventOf<
  'pipeline.paused' | 'pipeline.cancelled' | 'pipeline.completed' | 'pipeline.failed'
>;
