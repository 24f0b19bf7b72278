/** Pins (I11): a subscriber of progress or metrics that throws, in a handler or an operator, is reported and detached. The run
 * and the other subscribers are not affected. */
import { map as mapValues, type Observable } from 'rxjs';
import { expect, test } from 'vitest';
import { collect, map, memoryStorage, PipelineExecutor, StateManager } from '../../src/index.js';

const boom = (): never => {
  throw new Error('boom');
};

test.each(['progress$', 'metrics$'] as const)('%s', async (name) => {
  const warnings: string[] = [];
  const logger = { debug() {}, info() {}, warn: (text: string) => warnings.push(text), error() {} };
  const stages = [map('up', (n: number) => n + 1)];
  const executor = new PipelineExecutor(stages, new StateManager(memoryStorage()), [], { logger });
  const seen: number[] = [];
  let isOn = false;
  const all$ = executor[name] as Observable<{ readonly rowsIn: number }>;
  const figures$ = all$.pipe(mapValues(({ rowsIn }) => rowsIn));
  figures$.subscribe(() => isOn && boom());
  figures$.pipe(mapValues(() => isOn && boom())).subscribe();
  figures$.subscribe((rowsIn) => seen.push(rowsIn));
  isOn = true;
  const result = await executor.execute({
    ...{ name: 'figures', source: [1, 2, 3], sink: collect() },
    options: { batchSize: 1 },
  });
  expect(result.success).toBe(true);
  expect(seen.at(-1)).toBe(3);
  expect(warnings).toHaveLength(2);
});
