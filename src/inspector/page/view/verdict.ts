/** The run at one moment, in words: what it is doing, or how it ended, what is saved, and what to do. Pure. */
import type { CommandLines } from '../../host.js';
import type { JobFigures } from '../../job/tally.js';
import { count, duration, money, short } from './format.js';
import type { ExecutorMetrics, Lane } from './lanes.js';

export type Tone = 'running' | 'good' | 'warn' | 'bad' | 'idle';

export interface Todo {
  readonly what: string;
  /** A command line to copy; undefined: advice in words. */
  readonly command?: string;
}

export interface Verdict {
  readonly tone: Tone;
  /** A few words. */
  readonly title: string;
  /** One or two sentences. */
  readonly text: string;
  readonly todo: readonly Todo[];
}

export interface Now {
  readonly metrics: ExecutorMetrics;
  readonly lanes: readonly Lane[];
  readonly figures: JobFigures | null;
  readonly commands: CommandLines;
  /** A process runs the session. */
  readonly live: boolean;
  /** The moment is the newest one. */
  readonly isNewest: boolean;
  readonly bottleneck: Bottleneck | null;
  /** Milliseconds in which the run worked until the moment. */
  readonly workedMs: number;
}

export function verdict(now: Now): Verdict {
  const { metrics, live, isNewest, commands } = now;
  const { state } = metrics;
  const saved = `${count(metrics.rowsOut)} rows of ${count(metrics.committed)} batches are saved.`;
  const resume: readonly Todo[] =
    isNewest && !live && commands.resume !== undefined ? [{ what: 'Resume', command: commands.resume }] : [];
  if (state === 'COMPLETED') return completed(now);
  if (state === 'FAILED')
    return {
      ...{ tone: 'bad', title: 'Failed' },
      text: `${sentence(metrics.error || 'The run failed')} ${saved}`,
      todo: [{ what: 'Fix the cause, then resume' }, ...resume],
    };
  if (state === 'PAUSED') return paused(now, saved, resume);
  if (state === 'IDLE')
    return {
      ...{ tone: 'warn', title: metrics.startedAt === 0 ? 'Not started' : 'Cancelled' },
      text: metrics.startedAt === 0 ? 'The run has not begun.' : saved,
      todo: resume,
    };
  if (isNewest && !live)
    return {
      ...{ tone: 'bad', title: 'Interrupted' },
      text: `The process ended in the middle of its work: it was killed, or it crashed. ${saved} A resume repeats only what was in flight.`,
      todo: resume,
    };
  return running(now);
}

function completed({ metrics, commands, isNewest }: Now): Verdict {
  const { rowsIn, rowsOut, lost } = metrics;
  const redrive =
    lost > 0 && isNewest && commands.redrive !== undefined
      ? [{ what: 'Try the lost rows again', command: commands.redrive }]
      : [];
  const rows = `${count(rowsIn)} rows in, ${count(rowsOut)} rows out`;
  return lost === 0
    ? { tone: 'good', title: 'Completed', text: `${rows}, none lost. The output is whole.`, todo: [] }
    : {
        ...{ tone: 'warn', title: 'Completed with losses', todo: redrive },
        text: `${rows}, ${count(lost)} lost to errors: see Failures.`,
      };
}

function paused({ metrics }: Now, saved: string, resume: readonly Todo[]): Verdict {
  const { reason } = metrics;
  if (reason === null) return { tone: 'warn', title: 'Paused', text: `By a command. ${saved}`, todo: resume };
  const advice = reason.advice === '' ? [] : [{ what: reason.advice }];
  return {
    ...{ tone: 'warn', title: REASONS[reason.kind] ?? 'Paused by itself' },
    text: `${sentence(reason.message)} ${saved}`,
    todo: [...advice, ...resume],
  };
}

const REASONS: Readonly<Record<string, string>> = {
  budget: 'Paused: the budget is spent',
  losses: 'Paused: too many rows were lost',
  quota: 'Paused: the account is exhausted',
  sample: 'Paused: the sample is done',
};

function running({ metrics, lanes, bottleneck, live, isNewest }: Now): Verdict {
  const { doing, state } = metrics;
  if (state === 'INITIALIZING')
    return {
      ...{ tone: 'running', title: 'Opening', todo: [] },
      text: 'The session is opened: source, sink and journal are checked.',
    };
  const now = [
    ...lanes.flatMap(({ stage, awaitingPermit }) =>
      awaitingPermit > 0 ? [`${count(awaitingPermit)} at ${stage} wait for a permit`] : [],
    ),
    ...lanes.flatMap(({ stage, retrying }) =>
      retrying > 0 ? [`${count(retrying)} at ${stage} wait for another attempt`] : [],
    ),
  ];
  const busy = lanes
    .filter(({ inFlight }) => inFlight > 0)
    .map(({ stage, inFlight }) => `${stage} ${inFlight}`);
  const working =
    busy.length === 0 ? 'No batch is being worked on.' : `Batches being worked on: ${busy.join(', ')}.`;
  const waiting = now.length === 0 ? '' : ` ${now.join(', ')}.`;
  const slow = bottleneck === null ? '' : ` Slowest: ${bottleneck.stage}, ${bottleneck.why}.`;
  const isPausing = doing.includes('pausing');
  return {
    ...{ tone: 'running', todo: [] },
    title: isPausing ? 'Pausing' : live && isNewest ? 'Running' : 'Running, at this moment',
    text: `${isPausing ? 'The batches in flight are finished and saved. ' : ''}${working}${waiting}${slow}`,
  };
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

export interface Bottleneck {
  readonly stage: string;
  /** 0 to 1: how much of its slots has been used. */
  readonly busy: number;
  readonly why: string;
}

/** The stage whose slots were used most, or that waits for permits. @param workedMs time in which the run worked. */
export function bottleneckOf(
  lanes: readonly Lane[],
  figures: JobFigures | null,
  workedMs: number,
): Bottleneck | null {
  const waiting = lanes.find(({ awaitingPermit, concurrency }) => awaitingPermit >= Math.max(1, concurrency));
  if (waiting !== undefined)
    return { stage: waiting.stage, busy: 0, why: 'it waits for permits of its limiter' };
  let most: Bottleneck | null = null;
  for (const { stage, concurrency } of lanes) {
    const sumMs = figures?.stages.find((each) => each.stage === stage)?.latency.sumMs ?? 0;
    const busy = Math.min(1, sumMs / Math.max(1, workedMs * Math.max(1, concurrency)));
    if (busy > (most?.busy ?? 0.3))
      most = { stage, busy, why: `${Math.round(busy * 100)} % of ${slots(concurrency)} busy` };
  }
  return most;
}

const slots = (concurrency: number): string => (concurrency === 1 ? 'its slot' : `${concurrency} slots`);

export interface Progress {
  /** 0 to 1; null: the size of the input is unknown. */
  readonly share: number | null;
  /** Milliseconds; null: unknown, or nothing runs. */
  readonly leftMs: number | null;
}

export function progress({ metrics, figures, live, isNewest, workedMs }: Now): Progress {
  if (metrics.state === 'COMPLETED') return { share: 1, leftMs: null };
  const total = figures?.total?.value ?? 0;
  if (figures === null || total <= 0) return { share: null, leftMs: null };
  const share = Math.min(1, figures.done / total);
  const isRunning = metrics.state === 'EXECUTING' && (live || !isNewest);
  // A process without a second commit has no pace of its own.
  const pace = figures.pace ?? (workedMs > 0 ? (figures.done * 1000) / workedMs : null);
  const leftMs =
    isRunning && pace !== null && pace > 0 ? ((total - Math.min(total, figures.done)) * 1000) / pace : null;
  return { share, leftMs };
}

/** `$0.42 of $0.50`; empty: nothing was spent. */
export function spendingLines({ spent, uncertain, budgets }: JobFigures): {
  readonly text: string;
  /** 0 to 1; null: without a known budget. */
  readonly share: number | null;
}[] {
  const units = [...new Set([...Object.keys(spent), ...budgets.map(({ unit }) => unit)])];
  return units.map((unit) => {
    const used = spent[unit] ?? 0;
    const open = uncertain[unit] ?? 0;
    const budget =
      budgets.find((each) => each.unit === unit && each.stage === '') ??
      budgets.find((each) => each.unit === unit);
    const of = budget === undefined ? '' : ` of ${amount(unit, budget.limit)}`;
    const maybe = open > 0 ? `, and up to ${amount(unit, open)} uncertain` : '';
    const share = budget === undefined || budget.limit <= 0 ? null : Math.min(1, used / budget.limit);
    return { text: `${amount(unit, used)}${of}${maybe}`, share };
  });
}

function amount(unit: string, value: number): string {
  if (unit === 'usd') return money(value);
  if (unit === 'activeMs') return duration(value);
  return `${short(value)} ${unit}`;
}
