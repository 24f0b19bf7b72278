/**
 * What compiles and what does not, for the executor and for a pipeline in another machine. `tsc -p test/tsconfig.json`
 * checks it; nothing here is run.
 *
 * - In a list of stages, each takes what the one before it gives; the row types reach `execute` and `result.data`.
 * - A list of type `AnyStage[]`, and an executor whose row type is stated, take any stages.
 * - The machine's input, output and failure have exported types.
 */
import { type ActorRefFrom, createActor, type OutputFrom, setup, toPromise } from 'xstate';
import {
  type AnyStage,
  collect,
  defineStage,
  type ExecutionResult,
  map,
  memoryStorage,
  type PipelineEvent,
  PipelineExecutor,
  type PipelineFailedEvent,
  type PipelineMachine,
  type PipelineMachineInput,
  pipeline,
  pipelineMachine,
  rows,
  StateManager,
} from 'xstate-pipeline';

interface Text {
  readonly text: string;
}
interface Words {
  readonly words: readonly string[];
}
interface Count {
  readonly count: number;
}
const split = map('split', ({ text }: Text): Words => ({ words: text.split(' ') }));
const count = defineStage({
  name: 'count',
  process: async (all: Words[]): Promise<Count[]> => all.map(({ words }) => ({ count: words.length })),
});
const half = map('half', ({ count }: Count): Count => ({ count: count / 2 }));
const stateManager = new StateManager(memoryStorage());

// From stage to stage.
new PipelineExecutor([split], stateManager);
new PipelineExecutor([split, count, half], stateManager);
// @ts-expect-error: count takes words
new PipelineExecutor([count, split], stateManager);
// @ts-expect-error: half takes counts
new PipelineExecutor([split, half], stateManager);
// @ts-expect-error: the same at the third place
new PipelineExecutor([split, count, split], stateManager);
// A stage takes rows with more fields.
new PipelineExecutor([map('more', (row: Text) => ({ ...row, more: 1 })), split], stateManager);

// To execute, and to the result.
const executor = new PipelineExecutor([split, count], stateManager);
const result = await executor.execute({ name: 'n', source: rows<Text>([]), sink: collect<Count>() });
(await result.data.toArray()) satisfies Count[];
for await (const row of result.data) row.count.toFixed();
// @ts-expect-error: a row has no words
for await (const row of result.data) row.words;
executor.execute({ name: 'n', source: [{ text: 'a b' }], sink: collect() });
executor.resume('id', { source: rows<Text>([]), sink: collect<Count>() });
// @ts-expect-error: the source has no text
executor.execute({ name: 'n', source: rows<Count>([]), sink: collect<Count>() });
// @ts-expect-error: the sink takes words
executor.execute({ name: 'n', source: rows<Text>([]), sink: collect<Words>() });
// @ts-expect-error: the sink takes words
executor.resume('id', { sink: collect<Words>() });
// A pipeline gives the rows of its last stage.
executor.execute(pipeline('n').from(rows<Text>([])).pipe(split).pipe(count).to(collect()));
// @ts-expect-error: rows of words
executor.execute(pipeline('n').from(rows<Text>([])).pipe(split).to(collect<Words>()));

// Stages of unknown row types.
const stages: AnyStage[] = [count, split];
new PipelineExecutor(stages, stateManager).execute({
  name: 'n',
  source: rows<Text>([]),
  sink: collect<Words>(),
});
new PipelineExecutor([...stages, half], stateManager);
const stated = new PipelineExecutor<Count>(stages, stateManager);
(await (await stated.resume('id')).data.toArray()) satisfies Count[];
// An executor of some rows is an executor.
new PipelineExecutor([split, count], stateManager) satisfies PipelineExecutor<Count>;

// The machine, its input, its output and its failure.
const counting = pipelineMachine(pipeline('n').from(rows<Text>([])).pipe(split).pipe(count).to(collect()));
counting satisfies PipelineMachine<Count>;
createActor(counting, { input: { sessionId: 'id' } satisfies PipelineMachineInput });
(await toPromise(createActor(counting))) satisfies ExecutionResult<Count>;
const asked = pipelineMachine((input: { texts: readonly Text[] }) =>
  pipeline('n').from(rows(input.texts)).pipe(split).to(collect()),
);
asked satisfies PipelineMachine<Words, { texts: readonly Text[] } & PipelineMachineInput>;
createActor(asked, { input: { texts: [] } }).getSnapshot().output satisfies
  | ExecutionResult<Words>
  | undefined;
// @ts-expect-error: the input has no texts
createActor(asked, { input: {} });
null as unknown as OutputFrom<typeof asked> satisfies ExecutionResult<Words>;
null as unknown as ActorRefFrom<typeof asked> satisfies { send(event: { type: 'pause' }): void };

// Emitted events are those of the run.
const actor = createActor(asked, { input: { texts: [] } });
actor.on('batch.completed', ({ batch, durable }) => [batch.toFixed(), durable satisfies boolean]);
actor.on('batches.committed', ({ upTo }) => upTo.toFixed());
actor.on('*', (event) => event satisfies PipelineEvent);
executor.actor.on('pipeline.failed', ({ error }) => error.code.trim());
// @ts-expect-error: no such event
actor.on('batch.complete', () => {});
// @ts-expect-error: it has no batch
actor.on('batches.committed', ({ batch }) => batch);

setup({
  types: { events: {} as PipelineFailedEvent },
  actors: { counting, asked },
}).createMachine({
  invoke: [
    {
      src: 'counting',
      input: {},
      onDone: { actions: ({ event }) => event.output.data satisfies AsyncIterable<Count> },
    },
    { src: 'asked', input: { texts: [] } },
  ],
  on: {
    'pipeline.failed': {
      actions: ({ event }) => [event.sessionId, event.error.code, event.error.message] satisfies string[],
    },
  },
});
setup({ actors: { asked } }).createMachine({
  // @ts-expect-error: the input has no texts
  invoke: { src: 'asked', input: {} },
});
