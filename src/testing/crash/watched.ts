/**
 * In the child process: the user's pipeline with its durable stages noting every invocation in a ledger, outside the state
 * directory, before they do anything else. The product's own events are not asked.
 */
import { appendFileSync } from 'node:fs';
import { isPipeline } from '../../executor/pipeline.js';
import type { AnyStage, StageContext } from '../../stages/stage.js';

/** Deaths in a row that a test brings about say nothing about a batch. */
const NO_SUSPICION = 1_000;

/** @param loaded the module of the pipeline file. What is no pipeline is left for the command line to refuse. */
export function watched(loaded: { readonly default?: unknown }, ledger: string): unknown {
  const whole = loaded.default;
  if (!isPipeline(whole)) return whole;
  return {
    ...whole,
    options: { ...whole.options, maxDeaths: NO_SUSPICION },
    stages: whole.stages.map((stage) => (stage.durable ? noting(stage, ledger) : stage)),
  };
}

function noting(stage: AnyStage, ledger: string): AnyStage {
  // An attempt has one context: the rows of a row stage are one invocation, the same attempt once more is another.
  const seen = new WeakSet<StageContext>();
  const note = (context: StageContext) => {
    if (stage.kind !== 'batch' && seen.has(context)) return;
    seen.add(context);
    const { batch, attempt, idempotencyKey } = context;
    appendFileSync(ledger, `${[stage.name, batch.index, attempt, idempotencyKey].join('\t')}\n`);
  };
  if (stage.kind === 'batch') {
    return {
      ...stage,
      process(rows, context) {
        note(context);
        return stage.process(rows, context);
      },
    };
  }
  return {
    ...stage,
    processRow(row, context, index) {
      note(context);
      return stage.processRow(row, context, index);
    },
  };
}
