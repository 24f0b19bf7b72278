/**
 * The figures of a run, reduced from its events. Pure: same events, same figures (I14), whatever the hour. The cost of
 * an event is constant in the length of the run.
 *
 * Times are those of the events. Rows are those of the session: what was committed before this start, plus what this
 * process did; where the executor states a figure (`batches.committed`, `stage.completed` …) it is taken over.
 */
import type { EventOf, PipelineEvent, StageTally } from './events.js';
import { appended } from './sliding-window.js';

export type RunState = 'IDLE' | 'INITIALIZING' | 'EXECUTING' | 'PAUSED' | 'COMPLETED' | 'FAILED';

/** One stage, as far as it has come. */
export interface StageFigures extends StageTally {
  /** Attempts running now. */
  readonly inFlight: number;
  /** Rows that failed for good, whatever became of them. */
  readonly failed: number;
}

/** Where the run stood at some time: rates are differences of two of these. */
interface Sample {
  readonly at: number;
  readonly rowsIn: number;
  readonly stages: readonly StageFigures[];
}

interface Committed {
  readonly at: number;
  readonly batches: number;
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly done: number;
}

export interface RunFigures {
  readonly state: RunState;
  readonly pipeline: string;
  readonly sessionId: string;
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly rowsSkipped: number;
  readonly rowsDeadLettered: number;
  readonly retries: number;
  readonly stages: readonly StageFigures[];
  readonly total: EventOf<'pipeline.started'>['total'];
  readonly committed: Committed;
  readonly lastCheckpoint:
    | { readonly at: number; readonly bytes: number; readonly durationMs: number }
    | undefined;
  /** Of the latest event. */
  readonly at: number;
  /** Rows of the session before this process; a rate counts from here. */
  readonly rowsInBefore: number;
  /** Milliseconds in which the run was going, up to `runningSince`. */
  readonly ranMs: number;
  /** Undefined while it is not going. */
  readonly runningSince: number | undefined;
  readonly samples: readonly Sample[];
  readonly commits: readonly Committed[];
}

const NOTHING_COMMITTED: Committed = { at: 0, batches: 0, rowsIn: 0, rowsOut: 0, done: 0 };

export const NO_FIGURES: RunFigures = {
  state: 'IDLE',
  pipeline: '',
  sessionId: '',
  rowsIn: 0,
  rowsOut: 0,
  rowsSkipped: 0,
  rowsDeadLettered: 0,
  retries: 0,
  stages: [],
  total: undefined,
  committed: NOTHING_COMMITTED,
  lastCheckpoint: undefined,
  at: 0,
  rowsInBefore: 0,
  ranMs: 0,
  runningSince: undefined,
  samples: [],
  commits: [],
};

/** Rates look back this far, milliseconds. */
const RATE_WINDOW_MS = 5_000;
const COMMIT_WINDOW_MS = 30_000;

/** The figures after one more event. */
export function reduceProgress(figures: RunFigures, event: PipelineEvent): RunFigures {
  switch (event.type) {
    case 'pipeline.started':
      return started(event);
    case 'pipeline.paused':
      return stopped(
        {
          ...figures,
          rowsIn: event.rowsIn,
          rowsOut: event.rowsOut,
          committed: {
            ...figures.committed,
            batches: event.batches,
            rowsIn: event.rowsIn,
            rowsOut: event.rowsOut,
          },
        },
        'PAUSED',
        event.at,
      );
    case 'pipeline.resumed':
      return resumed(figures, event);
    case 'pipeline.cancelled':
      return stopped(figures, 'IDLE', event.at);
    case 'pipeline.failed':
      return stopped({ ...figures, sessionId: event.sessionId }, 'FAILED', event.at);
    case 'pipeline.completed':
      return stopped(
        {
          ...figures,
          rowsIn: event.rowsIn,
          rowsOut: event.rowsOut,
          committed: {
            ...figures.committed,
            batches: event.batches,
            rowsIn: event.rowsIn,
            rowsOut: event.rowsOut,
          },
        },
        'COMPLETED',
        event.at,
      );
    case 'stage.started':
    case 'notice':
      return { ...figures, at: event.at };
    case 'stage.completed':
      return onStage(figures, event, () => ({ ...event.tally, inFlight: 0 }));
    case 'stage.failed':
      return onStage(figures, event, ended);
    case 'batch.started':
      return onStage(figures, event, (stage) => ({ inFlight: stage.inFlight + 1 }));
    case 'batch.completed':
      return sampled(
        onStage(moved(figures, event.stage, event.rowsIn, event.rowsOut), event, (stage) => ({
          ...(event.replayed ? {} : ended(stage)),
          batches: stage.batches + 1,
          rowsIn: stage.rowsIn + event.rowsIn,
          rowsOut: stage.rowsOut + event.rowsOut,
          busyMs: stage.busyMs + (event.replayed ? 0 : event.durationMs),
        })),
      );
    case 'batch.retried':
      return onStage({ ...figures, retries: figures.retries + 1 }, event, (stage) => ({
        ...ended(stage),
        retries: stage.retries + 1,
      }));
    case 'batch.skipped':
      return sampled(
        onStage(
          moved(lost(figures, event.rows, event.deadLettered), event.stage, event.rows, 0),
          event,
          (stage) => ({
            ...ended(stage),
            ...lostAt(stage, event.rows, event.deadLettered),
            batches: stage.batches + 1,
            rowsIn: stage.rowsIn + event.rows,
          }),
        ),
      );
    case 'row.failed':
      return onStage(lost(figures, 1, event.deadLettered), event, (stage) =>
        lostAt(stage, 1, event.deadLettered),
      );
    case 'checkpoint.saved': {
      const { at, bytes, durationMs } = event;
      return { ...figures, at, lastCheckpoint: { at, bytes, durationMs } };
    }
    case 'batches.committed': {
      const { at, rowsIn, rowsOut, done } = event;
      const committed = { at, batches: event.upTo + 1, rowsIn, rowsOut, done };
      return sampled({
        ...figures,
        at,
        committed,
        // What a stage has done is ahead of what is committed; a run without such events knows only this.
        rowsIn: Math.max(figures.rowsIn, rowsIn),
        rowsOut: Math.max(figures.rowsOut, rowsOut),
        commits: appended(figures.commits, committed, COMMIT_WINDOW_MS),
      });
    }
  }
}

function started(event: EventOf<'pipeline.started'>): RunFigures {
  const { at, rowsIn, rowsOut, done } = event;
  const tallies = event.tallies ?? [];
  const stages = event.stages.map((name): StageFigures => {
    const tally = tallies.find((each) => each.stage === name) ?? {
      stage: name,
      batches: 0,
      rowsIn: 0,
      rowsOut: 0,
      skipped: 0,
      deadLettered: 0,
      retries: 0,
      busyMs: 0,
    };
    return { ...tally, inFlight: 0, failed: tally.skipped + tally.deadLettered };
  });
  const sum = (figure: (tally: StageTally) => number) =>
    tallies.reduce((total, each) => total + figure(each), 0);
  const committed = { at, batches: event.fromBatch, rowsIn, rowsOut, done };
  return {
    ...NO_FIGURES,
    state: 'EXECUTING',
    pipeline: event.pipeline,
    sessionId: event.sessionId,
    at,
    rowsIn,
    rowsOut,
    rowsInBefore: rowsIn,
    rowsSkipped: sum((tally) => tally.skipped),
    rowsDeadLettered: sum((tally) => tally.deadLettered),
    retries: sum((tally) => tally.retries),
    stages,
    total: event.total,
    committed,
    runningSince: at,
    samples: [{ at, rowsIn, stages }],
    commits: [committed],
  };
}

/** What was in flight has been rewound to the watermark (I18); after a pause there was nothing. */
function resumed(figures: RunFigures, event: EventOf<'pipeline.resumed'>): RunFigures {
  const { at } = event;
  const { rowsIn, rowsOut } = figures.committed;
  const committed = { ...figures.committed, at, batches: event.fromBatch };
  return {
    ...figures,
    state: 'EXECUTING',
    at,
    rowsIn,
    rowsOut,
    committed,
    runningSince: at,
    samples: [{ at, rowsIn, stages: figures.stages }],
    commits: [committed],
  };
}

function stopped(figures: RunFigures, state: RunState, at: number): RunFigures {
  const { runningSince } = figures;
  return {
    ...figures,
    state,
    at,
    ranMs: figures.ranMs + (runningSince === undefined ? 0 : at - runningSince),
    runningSince: undefined,
    stages: figures.stages.map((stage) => (stage.inFlight === 0 ? stage : { ...stage, inFlight: 0 })),
  };
}

function onStage(
  figures: RunFigures,
  event: { readonly at: number; readonly stage: string },
  change: (stage: StageFigures) => Partial<StageFigures>,
): RunFigures {
  const index = figures.stages.findIndex((stage) => stage.stage === event.stage);
  const stage = figures.stages[index];
  // 'source' is no stage.
  if (stage === undefined) return { ...figures, at: event.at };
  return { ...figures, at: event.at, stages: figures.stages.with(index, { ...stage, ...change(stage) }) };
}

function ended(stage: StageFigures): { inFlight: number } {
  return { inFlight: Math.max(0, stage.inFlight - 1) };
}

/** Rows enter the run with the first stage and leave it with the last. */
function moved(figures: RunFigures, stage: string, rowsIn: number, rowsOut: number): RunFigures {
  return {
    ...figures,
    rowsIn: figures.rowsIn + (figures.stages[0]?.stage === stage ? rowsIn : 0),
    rowsOut: figures.rowsOut + (figures.stages.at(-1)?.stage === stage ? rowsOut : 0),
  };
}

function lost(figures: RunFigures, rows: number, deadLettered: boolean): RunFigures {
  return deadLettered
    ? { ...figures, rowsDeadLettered: figures.rowsDeadLettered + rows }
    : { ...figures, rowsSkipped: figures.rowsSkipped + rows };
}

function lostAt(stage: StageFigures, rows: number, deadLettered: boolean): Partial<StageFigures> {
  return {
    failed: stage.failed + rows,
    ...(deadLettered ? { deadLettered: stage.deadLettered + rows } : { skipped: stage.skipped + rows }),
  };
}

function sampled(figures: RunFigures): RunFigures {
  const { at, rowsIn, stages } = figures;
  const samples = appended(figures.samples, { at, rowsIn, stages }, RATE_WINDOW_MS);
  return samples === figures.samples ? figures : { ...figures, samples };
}
