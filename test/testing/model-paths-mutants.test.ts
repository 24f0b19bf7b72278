/**
 * Pins that `modelPaths` finds bugs of the library: a second invocation, a missing fsync, an accepted illegal command. Each
 * test puts one bug into one place.
 */
import { afterEach, expect, test, vi } from 'vitest';
import { defineStage, PipelineExecutor, pipeline, StateManager } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { modelPaths, SimulatedDisk } from 'xstate-pipeline/testing';
import type { AnyStage, StageContext } from '../../src/stages/stage.js';
import { ScriptedStages } from '../../src/testing/executor/scripted-stages.js';

interface Row {
  readonly n: number;
}

const paid = defineStage({ name: 'paid', durable: true, process: async (rows: Row[]) => rows });
const whole = pipeline('p', { checkpointInterval: 2 })
  .from(jsonl<Row>('in.jsonl'))
  .pipe(paid)
  .to(jsonl('out.jsonl'));
const files = { 'in.jsonl': Array.from({ length: 8 }, (_, n) => `{"n":${n}}\n`).join('') };

afterEach(() => vi.restoreAllMocks());

async function found(): Promise<readonly string[]> {
  const outcomes = await Promise.allSettled(modelPaths(whole, { files }).map((path) => path.run()));
  return outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : []));
}

test('without a bug, no path fails', async () => {
  expect(await found()).toEqual([]);
});

test('finds a resume that ignores the journal', async () => {
  const { journal } = StateManager.prototype;
  vi.spyOn(StateManager.prototype, 'journal').mockImplementation(async function (this: StateManager, ...of) {
    const found = await journal.apply(this, of);
    return found && Object.assign(found, { read: async () => undefined });
  });
  expect((await found()).join('\n')).toContain('were invoked again');
});

test('finds a stage that is called twice in one attempt', async () => {
  const { stagesFor } = ScriptedStages.prototype;
  vi.spyOn(ScriptedStages.prototype, 'stagesFor').mockImplementation(function (this: ScriptedStages, host) {
    return stagesFor.call(this, host).map((stage): AnyStage => {
      if (stage.kind !== 'batch') return stage;
      const call = stage.process as (rows: unknown[], context: StageContext) => Promise<unknown[]>;
      const process = async (rows: unknown[], context: StageContext) => {
        await call(rows.slice(), context);
        return call(rows, context);
      };
      return { ...stage, process: process as never };
    });
  });
  expect((await found()).join('\n')).toContain('were invoked again');
});

test('finds an fsync that does nothing', async () => {
  const open = SimulatedDisk.prototype.open;
  vi.spyOn(SimulatedDisk.prototype, 'open').mockImplementation(async function (this: SimulatedDisk, ...args) {
    const handle = await open.apply(this, args);
    return Object.assign(handle, { sync: async () => {}, datasync: async () => {} });
  });
  expect(await found()).not.toEqual([]);
});

test('finds a pause that every state accepts', async () => {
  const pause = PipelineExecutor.prototype.pause;
  vi.spyOn(PipelineExecutor.prototype, 'pause').mockImplementation(async function (this: PipelineExecutor) {
    return this.can('pause') ? pause.apply(this) : (undefined as never);
  });
  expect((await found()).join('\n')).toContain('should be refused and change nothing');
  // A pause that stays pending is found as well.
  vi.spyOn(PipelineExecutor.prototype, 'pause').mockImplementation(function (this: PipelineExecutor) {
    return this.can('pause') ? pause.apply(this) : new Promise(() => {});
  });
  expect((await found()).join('\n')).toContain('answer was: no answer');
});
