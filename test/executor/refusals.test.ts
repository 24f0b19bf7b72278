/**
 * What is mistyped is refused before anything runs, with an `InvalidOptionError` that says what to do.
 *
 * Pinned: unknown options, things that are no stages, sources or sinks, and files that would be written over.
 */
import { describe, expect, test } from 'vitest';
import {
  collect,
  InvalidOptionError,
  map,
  memoryStorage,
  PipelineExecutor,
  pipeline,
  StateManager,
} from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';

const keep = map('keep', (row: { n: number }) => row);
const from = () => pipeline('p').from([{ n: 1 }]);
const any = <T>(value: unknown): T => value as T;

test.each<[string, () => unknown]>([
  [
    'an unknown option of pipeline()',
    () =>
      pipeline('p', any({ batchsize: 3 }))
        .from([])
        .to(collect()),
  ],
  ['options that are none', () => pipeline('p', any(5)).from([]).to(collect())],
  [
    'a function for a stage',
    () =>
      from()
        .pipe(any<never>((row: unknown) => row))
        .to(collect()),
  ],
  [
    'half a stage',
    () =>
      from()
        .pipe(any<never>({ name: 'a' }))
        .to(collect()),
  ],
  ['a sink that cannot be opened', () => from().to(any({ open: 1 }))],
  [
    'a stage called source',
    () =>
      from()
        .pipe(map('source', (row: { n: number }) => row))
        .to(collect()),
  ],
  ['an executor without a state manager', () => new PipelineExecutor([keep], any(null))],
  ['stages that are no list', () => new PipelineExecutor(any<never>('x'), new StateManager(memoryStorage()))],
  ['an output that is the input', () => pipeline('p').from(jsonl('a.jsonl')).to(jsonl('./a.jsonl'))],
  [
    'dead letters into the output',
    () =>
      pipeline('p', { deadLetter: jsonl('b.jsonl') })
        .from(jsonl('a.jsonl'))
        .to(jsonl('b.jsonl')),
  ],
])('%s', (_, make) => {
  expect(make).toThrow(InvalidOptionError);
});

describe('run()', () => {
  const run = (options: unknown) => from().pipe(keep).to(collect()).run(any(options));
  test.each([{ Resume: 'x' }, 5, null, { stateDir: '' }])('%j', async (options) => {
    await expect(run(options)).rejects.toBeInstanceOf(InvalidOptionError);
  });

  test('a generator is read once, and the second run says so', async () => {
    function* once() {
      yield { n: 1 };
    }
    const spent = pipeline('p').from(once()).pipe(keep).to(collect());
    const stateManager = new StateManager(memoryStorage());
    expect((await spent.run({ stateManager })).metrics.rowsIn).toBe(1);
    await expect(spent.run({ stateManager })).rejects.toMatchObject({ code: 'SOURCE' });
  });

  test('cleanup removes the record of a completed session', async () => {
    const stateManager = new StateManager(memoryStorage());
    await from().pipe(keep).to(collect()).run({ stateManager, cleanup: true });
    expect(await stateManager.listCheckpoints()).toEqual([]);
  });
});
