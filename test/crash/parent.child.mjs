/**
 * A parent machine that runs a pipeline, and stores its own snapshot every few milliseconds. Started with a snapshot, it
 * continues from it: `node parent.child.mjs <folder> [snapshot file]`. Exits with 0 when the run has completed.
 */
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createActor, sendTo, setup } from 'xstate';
import { defineStage, pipeline, pipelineMachine } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';

const [folder = '.', snapshotFile] = process.argv.slice(2);
/** @param {object} entry */
const log = (entry) => appendFileSync(join(folder, 'log.jsonl'), `${JSON.stringify(entry)}\n`);
/** @param {number} ms */
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const label = defineStage({
  name: 'label',
  durable: true,
  concurrency: 3,
  async process(rows, { batch }) {
    log({ call: batch.index });
    await later(4);
    return rows.map(({ n }) => ({ n, label: `of ${n}` }));
  },
});

const labels = pipelineMachine(
  ({ from, to }) =>
    pipeline('labels', { batchSize: 5, checkpointInterval: 20 }).from(jsonl(from)).pipe(label).to(jsonl(to)),
  {
    stateDir: join(folder, 'state'),
    observers: [
      {
        next(event) {
          if (event.type === 'batch.completed' && event.durable) log({ durable: event.batch });
        },
      },
    ],
  },
);

const office = setup({
  types: /** @type {{ context: { from: string, to: string }, input: { from: string, to: string } }} */ ({}),
  actors: { labels },
}).createMachine({
  context: ({ input }) => input,
  initial: 'working',
  states: {
    working: {
      invoke: {
        id: 'job',
        src: 'labels',
        input: (/** @type {{ context: object }} */ { context }) => context,
        onDone: 'done',
      },
      entry: sendTo('job', { type: 'execute' }),
      on: {
        pause: { actions: sendTo('job', { type: 'pause' }) },
        resume: { actions: sendTo('job', { type: 'resume' }) },
        'pipeline.failed': { target: 'failed', actions: ({ event }) => log({ failed: event.error }) },
      },
    },
    done: { type: 'final' },
    failed: { type: 'final' },
  },
});

const input = { from: join(folder, 'in.jsonl'), to: join(folder, 'out.jsonl') };
const actor = createActor(
  office,
  snapshotFile === undefined
    ? { input }
    : { input, snapshot: JSON.parse(readFileSync(snapshotFile, 'utf8')) },
);
actor.subscribe((snapshot) => {
  if (snapshot.status !== 'done') return;
  // What the run did is in the log: nothing of it is left to wait for.
  setImmediate(() => process.exit(snapshot.value === 'done' ? 0 : 1));
});
actor.start();

const stateOfJob = () => actor.getSnapshot().children.job?.getSnapshot().value;
for (let number = 0; ; number++) {
  const name = join(folder, 'snapshots', `${process.pid}-${number}.json`);
  writeFileSync(`${name}.part`, JSON.stringify(actor.getPersistedSnapshot()));
  renameSync(`${name}.part`, name);
  if (number % 12 === 6) actor.send({ type: 'pause' });
  if (stateOfJob() === 'PAUSED' && number % 4 === 3) actor.send({ type: 'resume' });
  await later(3);
}
