/** The last lines of a run: what came of it, where it is, how to go on. Pure. */
import type { CheckpointMark } from '../../../machines/index.js';
import type { ExecutionResult } from '../../executor/result.js';
import { counted, grouped, printable, rowsThrough, span } from '../../observers/progress/terminal-text.js';
import type { Colors } from './terminal.js';

export interface Places {
  readonly output: string;
  /** Undefined: rows are not set aside. */
  readonly deadLetters: string | undefined;
}

export interface Ending {
  /** One line that says it all; the only one under `--quiet`, with `next`. */
  readonly head: string;
  readonly details: readonly (readonly [label: string, value: string])[];
  /** The command that goes on with the session. */
  readonly next?: string | undefined;
}

export function completedEnding(
  name: string,
  { metrics, isComplete, errors }: Pick<ExecutionResult, 'metrics' | 'isComplete' | 'errors'>,
  { output, deadLetters }: Places,
  colors: Colors,
): Ending {
  const { rowsFailed, rowsDeadLettered, durationMs, rowsPerSecond, retries } = metrics;
  const mark = isComplete ? colors.green('✔') : colors.yellow('▲');
  const figures = [
    `${rowsThrough(metrics)}, ${grouped(rowsFailed)} lost`,
    `in ${span(durationMs)}`,
    `${grouped(rowsPerSecond)} rows/s`,
    ...(retries > 0 ? [counted(retries, 'retry', 'retries')] : []),
  ];
  const [first] = errors;
  return {
    head: `${mark} ${colors.bold(printable(name))} completed: ${figures.join(', ')}`,
    details: [
      ['output', output],
      ...(rowsDeadLettered > 0 && deadLetters !== undefined
        ? [['dead letters', `${deadLetters} (${counted(rowsDeadLettered, 'row')})`] as const]
        : []),
      ...(first === undefined
        ? []
        : [
            [
              'first loss',
              `${first.stage}, batch ${first.batch}, row ${first.row}: ${printable(first.reason)}`,
            ] as const,
          ]),
    ],
  };
}

export type StopKind = 'paused' | 'cancelled' | 'failed';

/** @param mark what is saved; undefined: nothing, the session had not begun. */
export function stoppedEnding(
  name: string,
  stop: StopKind,
  mark: CheckpointMark | undefined,
  next: string | undefined,
  colors: Colors,
): Ending {
  const sign = { paused: colors.yellow('‖'), cancelled: colors.yellow('■'), failed: colors.red('✖') }[stop];
  const saved =
    mark === undefined
      ? 'before anything was saved'
      : `${rowsThrough(mark)} are saved (${counted(mark.batches, 'batch', 'batches')})`;
  return { head: `${sign} ${colors.bold(printable(name))} ${stop}: ${saved}`, details: [], next };
}

export function endingLines({ head, details, next }: Ending, quiet: boolean, colors: Colors): string[] {
  const shown = [...(quiet ? [] : details), ...(next === undefined ? [] : [['resume', next] as const])];
  const width = Math.max(0, ...shown.map(([label]) => label.length));
  return [head, ...shown.map(([label, value]) => `  ${colors.dim(label.padEnd(width))}  ${value}`)];
}
