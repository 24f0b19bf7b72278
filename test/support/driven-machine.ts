/** The executor machine driven by a test: every action answers at once, or when the test calls for it. */
import { createActor } from 'xstate';
import { createExecutorMachine, type StageInput, stageMachine, WORKERS } from '../../machines/index.js';

export const STAGES = [
  { name: 'a', concurrency: 1, attempts: 1 },
  { name: 'b', concurrency: 1, attempts: 1 },
] as const satisfies readonly Omit<StageInput, 'index'>[];

const FLUSHED = { type: 'sink.flushed', sink: { bytes: 1 }, deadLetter: null, elapsedMs: 1 } as const;

export const SESSION = '01234567-89ab-4def-8123-456789abcdef';

export interface Driving {
  /** How many batches the source has. */
  readonly batches: number;
  /** Stages wait for `finish`. */
  readonly manual?: boolean;
  readonly manualSave?: boolean;
  readonly manualFlush?: boolean;
  readonly maxInFlight?: number;
  readonly concurrency?: number;
  readonly loseAll?: boolean;
}

export function drivenMachine(driving: Driving) {
  const { batches, manual = false, maxInFlight = 2, concurrency = 1, loseAll = false } = driving;
  const stages = STAGES.map((stage) => ({ ...stage, concurrency }));
  const log: string[] = [];
  const rowsOut = loseAll ? 0 : 10;
  const losses = loseAll ? { total: 10, named: [], reasons: [] } : { total: 0, named: [], reasons: [] };
  const stage = stageMachine.provide({
    actions: {
      start: ({ self }, { batches: started }) => {
        if (manual) return;
        for (const { batch, attempt } of started)
          self.send({ type: 'attempts.done', batches: [batch], attempt });
      },
    },
  });
  const { committer, publisher } = WORKERS;
  const machine = createExecutorMachine(stages).provide({
    actors: {
      'stage:a': stage,
      'stage:b': stage,
      committer: committer.provide({
        actions: {
          flushSinks: ({ self }) => {
            log.push('flush');
            if (driving.manualFlush !== true) self.send(FLUSHED);
          },
          saveCheckpoint: ({ self }) => {
            log.push('save');
            if (driving.manualSave !== true) self.send({ type: 'checkpoint.saved' });
          },
        },
      }),
      publisher: publisher.provide({
        actions: {
          publishResult: ({ self }) => {
            log.push('publish');
            self.send({ type: 'sink.published' });
          },
        },
      }),
    },
    actions: {
      open: ({ self }) => self.send({ type: 'opened' }),
      readBatches: ({ self }, { batch }) => {
        log.push(`read ${batch}`);
        self.send(
          batch < batches ? { type: 'source.batches', batch, rows: [10], at: 0 } : { type: 'source.end' },
        );
      },
      writeBatches: ({ self }, { from, upTo }) => {
        log.push(`write ${upTo}`);
        const rows = (upTo + 1 - from) * 10;
        const source = { rows: (upTo + 1) * 10 };
        const counters = { rowsIn: rows, rowsOut, malformed: 0, done: 1, source, stages: [], losses };
        self.send({ type: 'sink.written', upTo, counters });
      },
      abort: () => {
        log.push('abort');
      },
      settled: (_, { how }) => {
        log.push(`settled ${how}`);
      },
    },
  });
  const settings = { maxInFlight, checkpointInterval: 10, maxCrashes: 3 };
  const actor = createActor(machine, {
    input: { sessionId: SESSION, pipeline: 'p', startedAt: 1, settings },
  });
  actor.start();
  const childOf = (id: string, of = actor) =>
    (of.getSnapshot().children as Record<string, { send(event: unknown): void } | undefined>)[id];
  const child = (index: number) => childOf(`stage:${STAGES[index]?.name}`);
  return {
    actor,
    machine,
    stages,
    log,
    /** Stage `index` has done `batch`. */
    finish: (index: number, batch: number) =>
      child(index)?.send({ type: 'attempts.done', batches: [batch], attempt: 1 }),
    failStage: (index: number, batch: number) =>
      child(index)?.send({
        type: 'attempt.failed',
        batch,
        attempt: 1,
        error: { name: 'Error', code: 'Error', message: 'broken' },
        delayMs: 0,
        dueAt: 0,
      }),
    /** Another actor of the machine. */
    savedBy: (of: typeof actor) => childOf('committer', of)?.send({ type: 'checkpoint.saved' }),
    saved: () => childOf('committer')?.send({ type: 'checkpoint.saved' }),
    flushed: () => childOf('committer')?.send(FLUSHED),
  };
}
