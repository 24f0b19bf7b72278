/**
 * The one restore path (I18): a persisted snapshot of any origin becomes one that can be resumed, or is refused.
 *
 * 1. The snapshot is rebuilt from checked fields. Nothing else of the input reaches `createActor` (I9).
 * 2. Batches in flight are rewound to the last durable mark; children are rebuilt idle.
 * 3. INITIALIZING, EXECUTING and a cancelled IDLE become PAUSED. PAUSED, FAILED, COMPLETED and an IDLE that never ran stay.
 * 4. Poison suspects are kept after a crash only.
 * 5. Pure, and total: it returns or throws `InvalidSnapshotError`, in time proportional to the input's size.
 */
import { stageActorId, WORKERS } from '../children.js';
import {
  EXECUTOR_STATES,
  type ExecutorContext,
  type ExecutorState,
  type PoisonSuspects,
} from '../context.js';
import { completed, outputOf, rewind } from '../initial-context.js';
import type { StageInput } from '../stage-events.js';
import { beginStage } from '../stage-updates.js';
import { fail, object, oneOf } from './fields.js';
import { readContext } from './read-context.js';

/** A snapshot for `createActor(machine, { snapshot })`. */
export interface RestoredSnapshot {
  readonly status: 'active' | 'done';
  readonly value: ExecutorState;
  readonly context: ExecutorContext;
  readonly children: Readonly<Record<string, unknown>>;
  readonly historyValue: Readonly<Record<string, never>>;
  readonly output: unknown;
  readonly error: undefined;
}

/** Turns any valid persisted snapshot into a resumable one.
 * @param persisted a result of `actor.getPersistedSnapshot()`, after a JSON round trip.
 * @param stages the stages of the pipeline that resumes, in order.
 * @throws {InvalidSnapshotError} naming the first field with a wrong value.
 * @example
 * createActor(createExecutorMachine(stages), { snapshot: restoreSnapshot(persisted, stages), input: {} });
 */
export function restoreSnapshot(
  persisted: unknown,
  stages: readonly Omit<StageInput, 'index'>[],
): RestoredSnapshot {
  const snapshot = object(persisted, '');
  const value = oneOf(snapshot.value, '.value', EXECUTOR_STATES);
  const status = oneOf(snapshot.status, '.status', ['active', 'done'] as const);
  if ((status === 'done') !== (value === 'COMPLETED')) fail('.status', 'done in COMPLETED only');
  const names = stages.map((stage) => stage.name);
  const context = readContext(snapshot.context, names);
  checkChildren(snapshot.children, names);
  const state = resumableState(value, context);
  const error = state === 'FAILED' ? context.error : null;
  const pauseReason = value === 'PAUSED' ? context.pauseReason : undefined;
  const rewound: ExecutorContext =
    state === 'COMPLETED'
      ? completed(context)
      : { ...unopened(context, state), error, pauseReason, suspects: suspectsOf(value, context) };
  return {
    status: state === 'COMPLETED' ? 'done' : 'active',
    value: state,
    context: rewound,
    children: state === 'PAUSED' || state === 'FAILED' ? idleChildren(stages) : {},
    historyValue: {},
    output: state === 'COMPLETED' ? outputOf(rewound) : undefined,
    error: undefined,
  };
}

/** No process has the session open: `resume` in PAUSED leads to INITIALIZING. */
function unopened(context: ExecutorContext, state: ExecutorState): ExecutorContext {
  const rewound = rewind(context);
  if (state !== 'PAUSED') return rewound;
  return { ...rewound, activity: { ...rewound.activity, origin: 'snapshot' } };
}

function resumableState(value: ExecutorState, context: ExecutorContext): ExecutorState {
  if (value === 'PAUSED' || value === 'FAILED' || value === 'COMPLETED') return value;
  return value === 'IDLE' && context.sessionId === '' ? 'IDLE' : 'PAUSED';
}

/** Only a crash leaves suspects. */
function suspectsOf(value: ExecutorState, { suspects }: ExecutorContext): PoisonSuspects | null {
  return hasCrashed(value) ? suspects : null;
}

/** INITIALIZING and EXECUTING are stored only by a process that crashed afterwards. */
export function hasCrashed(value: ExecutorState): boolean {
  return value === 'INITIALIZING' || value === 'EXECUTING';
}

/** Only the executor's own children are accepted: a snapshot must not choose the code to run. */

function checkChildren(input: unknown, names: readonly string[]): void {
  const children = object(input, '.children');
  const known = new Set([...names.map(stageActorId), ...Object.keys(WORKERS)]);
  for (const id of Object.keys(children)) {
    if (!known.has(id)) fail('.children', 'actors of the executor only');
    const child = object(children[id], `.children[${id}]`);
    if (child.src !== id) fail(`.children[${id}].src`, 'the actor of that id');
  }
}

function idleChildren(stages: readonly Omit<StageInput, 'index'>[]): Record<string, unknown> {
  const idle = (src: string, context: object) => [
    src,
    {
      ...{ src, syncSnapshot: false },
      snapshot: { status: 'active', value: 'idle', context, children: {}, historyValue: {} },
    },
  ];
  return Object.fromEntries([
    ...stages.map((stage, index) => idle(stageActorId(stage.name), beginStage({ ...stage, index }))),
    ...Object.keys(WORKERS).map((id) => idle(id, {})),
  ]);
}
