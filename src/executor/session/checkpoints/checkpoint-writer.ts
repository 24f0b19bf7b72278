/**
 * Makes checkpoints of the machine's snapshot and saves them.
 *
 * 1. A snapshot is taken from a fresh stack, when every mailbox is empty: within a transition it would be inconsistent.
 * 2. At most 64 KB (I3): `fit-checkpoint.ts` leaves out what no resume uses.
 * 3. A checkpoint that a resume would refuse is not stored (I27).
 * 4. The journal keeps a copy (I26): of the first checkpoint, and of each before the records that it covers are trimmed.
 */
import type {
  CheckpointMark,
  ErrorData,
  ExecutorContext,
  ExecutorState,
  Json,
  JsonObject,
} from '../../../../machines/context.js';
import type { ExecutorEvent } from '../../../../machines/executor-events.js';
import { restoreSnapshot } from '../../../../machines/restore/restore.js';
import type { Checkpoint } from '../../../checkpoint/envelope.js';
import { keepCheckpointCopy } from '../../../checkpoint/journal/checkpoint-copies.js';
import type { Journal } from '../../../checkpoint/journal/journal.js';
import { CheckpointWriteError } from '../../../errors.js';
import { messageOf } from '../../../platform/thrown.js';
import type { Ledger } from '../../../spending/ledger.js';
import { pipelineFingerprint } from '../../../stages/pipeline-fingerprint.js';
import type { RunStart, SessionRunOptions } from '../run-options.js';
import { stageInputs } from '../stage-inputs.js';
import { checkpointSettings } from './checkpoint-settings.js';
import { fitCheckpoint } from './fit-checkpoint.js';

/** The parts of the executor's actor that `session/` uses. */
export interface MachineActor {
  send(event: ExecutorEvent): void;
  getSnapshot(): unknown;
  getPersistedSnapshot(): unknown;
  subscribe(next: () => void): { unsubscribe(): void };
}

interface PersistedSnapshot {
  readonly status: 'active' | 'done';
  readonly value: ExecutorState;
  readonly context: ExecutorContext;
  readonly children: object;
}

/** A state that the machine enters next, when this checkpoint is saved and nothing else is left to do. */
type ForeseenState = 'EXECUTING' | 'COMPLETED';

function foreseen(snapshot: PersistedSnapshot, value: ForeseenState): PersistedSnapshot {
  if (value === 'COMPLETED') return { ...snapshot, value, status: 'done' };
  return snapshot.value === 'PAUSED' ? { ...snapshot, value } : snapshot;
}

export class CheckpointWriter {
  /** The identity of the input up to the flushed position (I15). */
  sourceIdentity: Json | null;
  #isFirst = true;
  #savedText = '';

  constructor(
    private readonly actor: MachineActor,
    private readonly options: SessionRunOptions,
    private readonly start: RunStart,
    private readonly journal: Journal | undefined,
    private readonly ledger: Ledger,
  ) {
    this.sourceIdentity = start.sourceIdentity;
  }

  get batchSize(): number {
    return this.options.definition.batchSize;
  }

  /** Saves the machine as it is. Resolves to the mark that the checkpoint covers.
   * @param cancelled what a cancel left: the machine may be about another session by now.
   * @throws {CheckpointWriteError} */
  async save(as?: ForeseenState, cancelled?: ExecutorContext): Promise<CheckpointMark> {
    const { environment, publish } = this.options;
    const startedAt = environment.clock.monotonic();
    const { state, mark, bytes } = await this.#save(as, cancelled);
    const durationMs = environment.clock.monotonic() - startedAt;
    publish({ type: 'checkpoint.saved', state, batches: mark.batches, bytes, durationMs });
    return mark;
  }

  /** The first of an opening: from here on the session can be resumed. Not announced: `pipeline.started` says it.
   * A restored session is PAUSED, and is stored as EXECUTING: a process that crashes from here on did not pause. */
  async saveFirst(): Promise<void> {
    const { mark } = await this.#save('EXECUTING');
    this.#isFirst = false;
    // Not awaited: it shares the fsync of the first record. If it fails, so does every append.
    this.keepCopy(mark).catch(() => {});
  }

  /** Resolves when the journal holds a durable copy of the checkpoint with this mark. */
  async keepCopy({ batches }: CheckpointMark): Promise<void> {
    if (this.journal !== undefined) await keepCheckpointCopy(this.journal, batches, this.#savedText);
  }

  async #save(
    as?: ForeseenState,
    cancelled?: ExecutorContext,
  ): Promise<{ readonly state: ExecutorState; readonly mark: CheckpointMark; readonly bytes: number }> {
    await Promise.resolve();
    const checkpoint = fitCheckpoint(this.#checkpoint(as, cancelled));
    this.#assertReadable(checkpoint);
    const { context, value } = checkpoint.snapshot as unknown as PersistedSnapshot;
    const { bytes, text } = await this.options.stateManager.saveCheckpoint(checkpoint);
    this.#savedText = text;
    return { state: value, mark: context.flushed, bytes };
  }

  /** Whether a checkpoint of this opening is stored. */
  get hasSaved(): boolean {
    return !this.#isFirst;
  }

  #checkpoint(as: ForeseenState | undefined, cancelled: ExecutorContext | undefined): Checkpoint {
    const { definition, environment, stages, stateManager, pipelineFile, pipelineArguments } = this.options;
    const taken = this.#ownSnapshot(cancelled);
    const snapshot = as === undefined ? taken : foreseen(taken, as);
    const { context, value } = snapshot;
    return {
      sessionId: this.start.sessionId,
      epoch: this.start.epoch,
      savedAt: Math.round(environment.clock.now()),
      startedAt: context.startedAt,
      pipeline: definition.name,
      ...(pipelineFile === undefined ? {} : { pipelineFile }),
      ...(pipelineArguments === undefined ? {} : { pipelineArguments }),
      state: value,
      fingerprint: pipelineFingerprint(stages),
      settings: checkpointSettings(definition, stateManager, context.settings),
      source: definition.source.describe() ?? null,
      sink: definition.sink.describe() ?? null,
      deadLetter: definition.deadLetter?.describe() ?? null,
      sourceIdentity: this.sourceIdentity,
      ...(this.ledger.isEmpty ? {} : { spending: this.ledger.state() }),
      ...errorOf(context.error),
      snapshot: snapshot as unknown as JsonObject,
    };
  }

  #ownSnapshot(cancelled: ExecutorContext | undefined): PersistedSnapshot {
    const taken = this.#snapshot();
    const { sessionId } = this.start;
    if (taken.context.sessionId === sessionId) return taken;
    if (cancelled === undefined) throw new Error(`the machine has left session ${sessionId}`);
    return { ...taken, value: 'IDLE', context: cancelled, children: {} };
  }

  #snapshot(): PersistedSnapshot {
    const { output: _, ...persisted } = this.actor.getPersistedSnapshot() as Record<string, unknown>;
    const snapshot = JSON.parse(JSON.stringify(persisted)) as PersistedSnapshot;
    // A stopped actor saves the checkpoint of its run, which can be resumed.
    return (snapshot.status as string) === 'stopped' ? { ...snapshot, status: 'active' } : snapshot;
  }

  /** What a resume would refuse is not stored (I27).
   * @throws {CheckpointWriteError} naming the field. */
  #assertReadable({ sessionId, snapshot }: Checkpoint): void {
    try {
      restoreSnapshot(snapshot, stageInputs(this.options.stages));
    } catch (cause) {
      throw new CheckpointWriteError(
        `The checkpoint of session ${sessionId} cannot be written: ${messageOf(cause)}. Nothing was changed on disk.`,
        { cause },
      );
    }
  }
}

function errorOf(error: ErrorData | null): { readonly error?: ErrorData } {
  return error === null ? {} : { error };
}
