/**
 * Assertions on a simulated process while it runs: at every event, every state change and after every step.
 */
import type { ExecutorState } from '../../machines/index.js';
import type { PipelineEvent, PipelineExecutor } from '../../src/index.js';
import type { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { LEGAL } from '../support/legal.js';
import type { Golden } from './golden.js';
import type { Ledger } from './ledger.js';
import { type Plan, ROW_MARK } from './plan.js';

export const INPUT = '/data/in.jsonl';
export const OUTPUT = '/data/out.jsonl';
export const DEAD_LETTERS = '/data/out.dead-letter.jsonl';
export const STATE = '/state';

/** I1. A session restored in IDLE becomes PAUSED or FAILED. */
const MAY_FOLLOW: Record<ExecutorState, readonly ExecutorState[]> = {
  IDLE: ['INITIALIZING', 'PAUSED', 'FAILED'],
  // COMPLETED: the run that failed had stored its completion already.
  INITIALIZING: ['EXECUTING', 'COMPLETED', 'FAILED', 'IDLE'],
  EXECUTING: ['PAUSED', 'COMPLETED', 'FAILED', 'IDLE'],
  // FAILED: through EXECUTING, when only the check for usable output was left.
  // INITIALIZING: a stored session is opened first.
  PAUSED: ['INITIALIZING', 'EXECUTING', 'IDLE', 'FAILED'],
  COMPLETED: [],
  FAILED: ['INITIALIZING', 'IDLE'],
};

const MAX_CHECKPOINT_BYTES = 64 * 1024;

export interface StoredCheckpoint {
  readonly state: string;
  readonly snapshot: { readonly context: { readonly flushed: { readonly batches: number } } };
}

/** The session's newest stored checkpoint, as a process would read it now. */
export function storedCheckpoint(disk: SimulatedDisk, session: string): StoredCheckpoint | undefined {
  const text = checkpointText(disk, session);
  if (text === undefined) return undefined;
  return JSON.parse(text) as StoredCheckpoint;
}

function checkpointText(disk: SimulatedDisk, session: string): string | undefined {
  const home = `${STATE}/${session}/checkpoint`;
  return disk.text(`${home}.next.json`) ?? disk.text(`${home}.json`);
}

export class Checks {
  #state: ExecutorState = 'IDLE';
  /** The run has ended or has not started: no batch may be processed. */
  #isQuiet = true;
  eventCount = 0;

  constructor(
    private readonly plan: Plan,
    private readonly golden: Golden,
    private readonly ledger: Ledger,
    private readonly disk: SimulatedDisk,
    private readonly executor: () => PipelineExecutor,
  ) {}

  checkStateChange(state: ExecutorState): void {
    if (state === this.#state) return;
    this.ledger.trace.push(`state ${this.#state} -> ${state}`);
    if (!MAY_FOLLOW[this.#state]?.includes(state))
      this.ledger.addViolation(`I1: from ${this.#state} to ${state}`);
    this.#state = state;
    if (state === 'FAILED' || state === 'IDLE' || state === 'COMPLETED') this.#isQuiet = true;
    if (state === 'EXECUTING') this.#isQuiet = false;
  }

  /** Between steps. */
  checkStep(): void {
    const executor = this.executor();
    for (const command of ['execute', 'pause', 'resume', 'cancel'] as const) {
      const isLegal = LEGAL[executor.state].includes(command);
      if (executor.can(command) !== isLegal)
        this.ledger.addViolation(`I2: can(${command}) is ${!isLegal} in ${executor.state}`);
    }
    const { window, written, flushed, committed, next } = executor.actor.getSnapshot().context;
    if (window.length > this.plan.maxInFlight)
      this.ledger.addViolation(`I13: ${window.length} batches in flight, ${this.plan.maxInFlight} allowed`);
    const indexes = window.map(({ batch }) => batch);
    const expected = Array.from({ length: next - written.batches }, (_, i) => written.batches + i);
    if (String(indexes) !== String(expected))
      this.ledger.addViolation(`I4: the window is ${indexes}, not ${expected}`);
    if (!(committed <= flushed.batches && flushed.batches <= written.batches))
      this.ledger.addViolation(
        `I6: committed ${committed}, flushed ${flushed.batches}, written ${written.batches}`,
      );
  }

  /** Checks the snapshot that could be persisted now. */
  checkSnapshot(): void {
    const text = JSON.stringify(this.executor().actor.getPersistedSnapshot());
    if (text.includes(ROW_MARK)) this.ledger.addViolation('I3: a row is in the snapshot');
  }

  checkEvent(event: PipelineEvent): void {
    this.eventCount++;
    const { ledger, plan } = this;
    const text = JSON.stringify(event);
    ledger.trace.push(text);
    if (text.includes(ROW_MARK)) ledger.addViolation(`I3: a row is in ${event.type}`);
    switch (event.type) {
      case 'pipeline.started':
        ledger.started.add(event.sessionId);
        this.#resumedFrom(event.sessionId, event.fromBatch);
        ledger.addCommitted(event.sessionId, Math.max(event.fromBatch, ledger.committed(event.sessionId)));
        break;
      case 'pipeline.resumed':
        this.#resumedFrom(event.sessionId, event.fromBatch);
        break;
      case 'notice':
        // The newest checkpoint cannot be read: the notice says so, and the run resumes from the previous one (I9).
        if (event.message.includes('Skipped: ')) ledger.forgetCommitted(event.sessionId);
        break;
      case 'batch.started':
        if (this.#isQuiet)
          ledger.addViolation(`I17: ${event.stage} starts batch ${event.batch} in ${this.#state}`);
        if (event.batch >= this.executor().actor.getSnapshot().context.written.batches + plan.maxInFlight)
          ledger.addViolation(`I13: batch ${event.batch} starts beyond the window`);
        break;
      case 'batch.completed':
        if (this.#isQuiet && !event.fromJournal)
          ledger.addViolation(`I17: batch ${event.batch} completes in ${this.#state}`);
        this.#batchCompleted(event);
        break;
      case 'checkpoint.saved':
        this.#checkpointSaved(event.sessionId, event.bytes);
        break;
      case 'batches.committed':
        this.#committed(event.sessionId, event.upTo + 1);
        break;
    }
  }

  #resumedFrom(session: string, batch: number): void {
    const committed = this.ledger.committed(session);
    if (batch < committed)
      this.ledger.addViolation(
        `I5: resumes from batch ${batch}, although ${committed} batches were announced as committed`,
      );
  }

  #batchCompleted(event: Extract<PipelineEvent, { type: 'batch.completed' }>): void {
    const stage = this.plan.stages.find(({ name }) => name === event.stage);
    if (stage === undefined) {
      this.ledger.addViolation(`no stage ${event.stage}`);
      return;
    }
    if (event.durable) this.ledger.addPromise(event.sessionId, stage.index, event.batch);
    const golden = this.golden.tallies[stage.index]?.[event.batch];
    // A fused batch that a later stage ended reports the rows processed so far.
    const isCutShort = this.plan.stages.some(
      (later) =>
        later.index > stage.index && !later.isAsync && later.onError === 'fail' && later.faultiness > 0,
    );
    if (isCutShort && golden !== undefined && event.rowsIn < golden.rowsIn) return;
    if (golden?.rowsIn !== event.rowsIn || golden.rowsOut !== event.rowsOut)
      this.ledger.addViolation(
        `I12: batch ${event.batch} of ${event.stage} had ${event.rowsIn} rows in and ${event.rowsOut} out, not ${golden?.rowsIn} and ${golden?.rowsOut}`,
      );
  }

  #checkpointSaved(session: string, bytes: number): void {
    const text = checkpointText(this.disk, session) ?? '';
    if (text.includes(ROW_MARK)) this.ledger.addViolation('I3: a row is in a checkpoint');
    if (bytes > MAX_CHECKPOINT_BYTES) this.ledger.addViolation(`I3: a checkpoint of ${bytes} bytes`);
  }

  #committed(session: string, batches: number): void {
    this.ledger.addCommitted(session, batches);
    const stored = storedCheckpoint(this.disk, session)?.snapshot.context.flushed.batches;
    if (stored === undefined || stored < batches)
      this.ledger.addViolation(
        `I6: ${batches} batches were announced, the stored checkpoint covers ${stored}`,
      );
    // A late event of a run after which another one was started.
    if (this.executor().sessionId !== session) return;
    // A part file without committed bytes is removed at closing.
    const isEmpty = this.executor().actor.getSnapshot().context.flushed.sink?.bytes === 0;
    const written = this.disk.text(this.#workingPath()) ?? (isEmpty ? '' : this.disk.text(OUTPUT));
    if (!this.golden.text.startsWith(written ?? 'nothing'))
      this.ledger.addViolation('I4: the written bytes are not a prefix of the expected output');
  }

  #workingPath(): string {
    if (this.plan.publish === 'direct') return OUTPUT;
    const part = this.executor().actor.getSnapshot().context.flushed.sink?.part;
    return part === 1 ? `${OUTPUT}.part` : `${OUTPUT}.${part}.part`;
  }
}
