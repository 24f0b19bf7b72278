/**
 * A parent machine runs a pipeline as its child. The parent sends `pause` and `resume`; the child reports failure and
 * completion. The pipeline fails once, and the parent resumes it.
 */

import { assign, createActor, sendTo, setup, waitFor } from 'xstate';
import { defineStage, type ExecutionResult, pipeline, pipelineMachine, rows } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';

interface Order {
  readonly id: number;
  readonly euros: number;
}

const out = (name: string) => new URL(`../../out/embedded/${name}`, import.meta.url);
const orders: readonly Order[] = Array.from({ length: 5_000 }, (_, id) => ({ id, euros: (id * 37) % 500 }));

let isBankOpen = false;
const book = defineStage({
  name: 'book',
  process: async (batch: Order[]) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (!isBankOpen && batch.some((order) => order.id === 3_000)) throw new Error('the bank is closed');
    return batch.map((order) => ({ ...order, cents: order.euros * 100 }));
  },
});

const booking = pipeline('booking', { batchSize: 50 })
  .from(rows(orders))
  .pipe(book)
  .to(jsonl(out('booked.jsonl')));

const office = setup({
  types: {} as {
    context: { result: ExecutionResult | undefined; problem: string };
    events:
      | { type: 'open' | 'pause' | 'continue' }
      | { type: 'pipeline.failed'; sessionId: string; error: { code: string; message: string } };
  },
  actors: { booking: pipelineMachine(booking, { stateDir: out('sessions').pathname }) },
}).createMachine({
  id: 'office',
  context: { result: undefined, problem: '' },
  initial: 'closed',
  states: {
    closed: { on: { open: 'open' } },
    open: {
      invoke: {
        id: 'booking',
        src: 'booking',
        input: {},
        onSnapshot: { guard: ({ event }) => event.snapshot.value === 'PAUSED', target: '.paused' },
        onDone: { target: 'booked', actions: assign({ result: ({ event }) => event.output }) },
      },
      entry: sendTo('booking', { type: 'execute' }),
      initial: 'working',
      states: {
        working: { on: { pause: { actions: sendTo('booking', { type: 'pause' }) } } },
        paused: { on: { continue: { target: 'working', actions: sendTo('booking', { type: 'resume' }) } } },
        stuck: { on: { continue: { target: 'working', actions: sendTo('booking', { type: 'resume' }) } } },
      },
      on: {
        'pipeline.failed': {
          target: '.stuck',
          actions: assign({ problem: ({ event }) => event.error.message }),
        },
      },
    },
    booked: { type: 'final' },
  },
});

const actor = createActor(office);
actor.start();
actor.send({ type: 'open' });

const child = () => actor.getSnapshot().children.booking?.getSnapshot();
await waitFor(actor, () => child()?.value === 'EXECUTING');
actor.send({ type: 'pause' });
await waitFor(actor, (snapshot) => snapshot.matches({ open: 'paused' }));
console.log(`paused: the pipeline is ${child()?.value}, every batch it began is in sink and checkpoint`);

actor.send({ type: 'continue' });
await waitFor(actor, (snapshot) => snapshot.matches({ open: 'stuck' }));
console.log(`stuck: the pipeline is ${child()?.value}: ${actor.getSnapshot().context.problem}`);

isBankOpen = true;
actor.send({ type: 'continue' });
const { context } = await waitFor(actor, (snapshot) => snapshot.matches('booked'), { timeout: 60_000 });
console.log(`booked: ${context.result?.metrics.rowsOut} orders of session ${context.result?.sessionId}`);
