/**
 * In the child process: the user's pipeline, whose durable stages first record every invocation in a ledger outside the
 * state directory. The ledger is independent of the product's events.
 */
import { appendFileSync } from 'node:fs';
import { isPipeline } from '../../executor/pipeline.js';
import type { AnyStage, StageContext } from '../../stages/stage.js';

/** The test's own crashes must not quarantine a batch. */
const MAX_CRASHES = 1_000;

/** @param loaded the module of the pipeline file. The command line refuses what is not a pipeline. */
export function watched(loaded: { readonly default?: unknown }, ledger: string): unknown {
  const whole = loaded.default;
  if (!isPipeline(whole)) return whole;
  return {
    ...whole,
    options: { ...whole.options, maxCrashes: MAX_CRASHES },
    stages: whole.stages.map((stage) => (stage.durable ? recordInvocations(stage, ledger) : stage)),
  };
}

function recordInvocations(stage: AnyStage, ledger: string): AnyStage {
  // Each attempt has its own context. All rows of a row stage's attempt are one invocation.
  const seen = new WeakSet<StageContext>();
  const record = (context: StageContext) => {
    if (stage.kind !== 'batch' && seen.has(context)) return;
    seen.add(context);
    const { batch, attempt, idempotencyKey } = context;
    appendFileSync(ledger, `${[stage.name, batch.index, attempt, idempotencyKey].join('\t')}\n`);
  };
  if (stage.kind === 'batch') {
    return {
      ...stage,
      process(rows, context) {
        record(context);
        return stage.process(rows, context);
      },
    };
  }
  return {
    ...stage,
    processRow(row, context, index) {
      record(context);
      return stage.processRow(row, context, index);
    },
  };
}
