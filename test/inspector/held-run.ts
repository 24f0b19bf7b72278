/** A run of two stages that waits at a batch until the test releases it. */
import { defineStage, map } from 'xstate-pipeline';
import { gate, type Harness, harness, type Row } from '../support/runs.js';

export interface HeldRun {
  readonly run: Harness;
  /** The second stage, `wait`, has that batch. */
  readonly working: Promise<void>;
  letGo(): void;
}

/** @param at index of the batch. */
export function heldRun(options: Parameters<typeof harness>[1] = {}, at = 0): HeldRun {
  const { opened, open: letGo } = gate();
  const reached = gate();
  const wait = defineStage({
    name: 'wait',
    version: '1',
    process: async (rows: readonly Row[], { batch }) => {
      if (batch.index < at) return rows;
      reached.open();
      await opened;
      return rows;
    },
  });
  const run = harness([map('same', (row: Row) => row, { version: '1' }), wait], options);
  return { run, letGo, working: reached.opened };
}
