/** W3 with LangGraph and its sqlite checkpointer: a thread a batch, a node a step, each checkpoint awaited. */
import { Annotation, StateGraph } from '@langchain/langgraph';
import { SqliteSaver } from '@langchain/langgraph-checkpoint-sqlite';
import { batchRows, check, inLanes, perform, stepClock } from '../variants/waiting/w3-steps.mjs';

/** @param {{ dir: string, batches: number, rows: number, concurrency: number }} params */
export async function run({ dir, batches, rows, concurrency }) {
  const checkpointer = SqliteSaver.fromConnString(`${dir}/langgraph.sqlite`);
  const state = Annotation.Root({ rows: Annotation() });
  const node = (step) => async (held) => ({ rows: perform(step, held.rows) });
  const graph = new StateGraph(state)
    .addNode('step1', node(1))
    .addNode('step2', node(2))
    .addNode('step3', node(3))
    .addEdge('__start__', 'step1')
    .addEdge('step1', 'step2')
    .addEdge('step2', 'step3')
    .addEdge('step3', '__end__')
    .compile({ checkpointer });
  const results = new Map();
  const stop = stepClock(batches);
  await inLanes(batches, concurrency, async (batch) => {
    const settings = { configurable: { thread_id: String(batch) }, durability: 'sync' };
    const { rows: held } = await graph.invoke({ rows: batchRows(batch, rows) }, settings);
    results.set(batch, held);
  });
  const figures = stop();
  check(results, batches);
  return figures;
}
