/** The last lines of a run: its outcome, its output, the next command. Pure. */
import type { ExecutionResult } from '../../executor/result.js';
import type { HoldReason, Projection } from '../../observers/events.js';
import { counted, grouped, printable, rowsThrough, span } from '../../observers/progress/terminal-text.js';
import { amountText } from '../../spending/budget.js';
import type { SpendingTotals } from '../../spending/ledger.js';
import { spendingText } from '../../spending/spending-text.js';
import type { Colors } from './terminal.js';

export interface Places {
  readonly output: string;
  /** Undefined: the pipeline writes no dead letters. */
  readonly deadLetters: string | undefined;
}

export interface Ending {
  /** The outcome in one line. `--quiet` prints only this line and `next`. */
  readonly head: string;
  readonly details: readonly (readonly [label: string, value: string])[];
  /** The command to run next, with its label. */
  readonly next?: readonly [label: string, command: string] | undefined;
}

/** @param redrive the command that takes the dead letters again. */
export function completedEnding(
  name: string,
  { metrics, isComplete, errors }: Pick<ExecutionResult, 'metrics' | 'isComplete' | 'errors'>,
  { output, deadLetters }: Places,
  colors: Colors,
  redrive?: string,
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
      ...spentDetail(metrics.spending),
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
    next: rowsDeadLettered > 0 && redrive !== undefined ? ['redrive', redrive] : undefined,
  };
}

/** What the session has spent, over all its processes. */
function spentDetail(spending: SpendingTotals | undefined): Ending['details'] {
  return spending === undefined ? [] : [['spent', printable(spendingText(spending))]];
}

/** The ending of a run that stopped, with what its session has spent. */
export function withSpending(ending: Ending, spending: SpendingTotals | undefined): Ending {
  return { ...ending, details: [...spentDetail(spending), ...ending.details] };
}

export type StopKind = 'paused' | 'cancelled' | 'failed';

/** What a receipt, or a checkpoint, covers. */
export interface SavedRows {
  readonly batches: number;
  readonly rowsIn: number;
  readonly rowsOut: number;
}

/** @param saved undefined: nothing was saved; a text: what became of it. */
export function stoppedEnding(
  name: string,
  stop: StopKind,
  saved: SavedRows | string | undefined,
  next: Ending['next'],
  colors: Colors,
): Ending {
  const sign = { paused: colors.yellow('‖'), cancelled: colors.yellow('■'), failed: colors.red('✖') }[stop];
  return { head: `${sign} ${colors.bold(printable(name))} ${stop}: ${savedText(saved)}`, details: [], next };
}

/** The ending of a run that paused by itself: also `--quiet` says why. */
export function withReason(
  ending: Ending,
  { message, advice }: HoldReason,
  projection: Projection | undefined,
): Ending {
  return {
    ...ending,
    head: `${ending.head}\n  ${printable(message)}`,
    details: [
      ...ending.details,
      ...(projection === undefined ? [] : [['the rest', projectionText(projection)] as const]),
      ['before that', printable(advice)],
    ],
  };
}

/** `about 950 rows, $9.50 ($6.87 to $12.13), 12 s (9 s to 15 s), 19 lost (4 to 60)` */
function projectionText({ rows, durationMs, lost, spending }: Projection): string {
  const time = `${span(durationMs.expected)} (${span(durationMs.low)} to ${span(durationMs.high)})`;
  const losses = `${grouped(lost.expected)} lost (${grouped(lost.low)} to ${grouped(lost.high)})`;
  const { usd, calls } = spending;
  const cost = usd ?? calls;
  const unit = usd === undefined ? 'calls' : 'usd';
  const amount = (sum: number) => amountText(unit, unit === 'usd' ? sum : Math.round(sum));
  const costs =
    cost === undefined ? '' : `${amount(cost.expected)} (${amount(cost.low)} to ${amount(cost.high)}), `;
  return `about ${counted(rows, 'row')}, ${costs}${time}, ${losses}`;
}

/** `60 rows in, 60 out are saved (3 batches)` */
export function savedText(saved: SavedRows | string | undefined): string {
  if (typeof saved === 'string') return saved;
  if (saved === undefined) return 'before anything was saved';
  return `${rowsThrough(saved)} are saved (${counted(saved.batches, 'batch', 'batches')})`;
}

export function endingLines({ head, details, next }: Ending, quiet: boolean, colors: Colors): string[] {
  const shown = [...(quiet ? [] : details), ...(next === undefined ? [] : [next])];
  const width = Math.max(0, ...shown.map(([label]) => label.length));
  return [head, ...shown.map(([label, value]) => `  ${colors.dim(label.padEnd(width))}  ${value}`)];
}
