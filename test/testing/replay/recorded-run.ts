/** A run that was recorded: retried, killed, resumed, paused and completed. */
import { expect } from 'vitest';
import { defineStage, map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { createTestExecutor, fail, stall, succeed } from 'xstate-pipeline/testing';

interface Row {
  readonly n: number;
}

export const ROWS = 12;
export const files = { 'in.jsonl': Array.from({ length: ROWS }, (_, n) => `{"n":${n}}\n`).join('') };

export function wholeWith(attempts = 3, name = 'paid') {
  const paid = defineStage({
    ...{ name, durable: true, concurrency: 2 },
    retry: { attempts, initialDelayMs: 10 },
    process: async (rows: Row[]) => rows,
  });
  return pipeline('p', { batchSize: 1, checkpointInterval: 2 })
    .from(jsonl<Row>('in.jsonl'))
    .pipe(map('same', (row: Row) => row))
    .pipe(paid)
    .to(jsonl('out.jsonl'));
}

export const whole = wholeWith();

export async function recordedRun() {
  const script = { paid: { 1: [fail(new Error('no')), succeed()], 5: [stall()], 9: [stall()] } };
  const run = createTestExecutor(whole, { files, script });
  run.executor.record();
  run.execute();
  await run.advance(1000);
  run.crash().restart();
  run.resume();
  await run.settle();
  run.pause();
  await run.release();
  await run.advance(7);
  run.resume();
  await run.advance(1000);
  expect(run.state).toBe('COMPLETED');
  return run;
}

export function textOf(run: Awaited<ReturnType<typeof recordedRun>>): string {
  const segments = run.disk.files().filter((path) => path.includes('/recording/'));
  return segments.map((path) => run.text(path)).join('');
}

export const bytesOf = (text: string) => new TextEncoder().encode(text);
