/**
 * Pins: a recorded run takes the same steps in the same machines, over crashes and resumes, wherever the recording ends. For
 * another pipeline or a changed recording, the first different step is shown. Unchecked records are counted.
 */
import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { createExecutorMachine } from 'xstate-pipeline/machines';
import {
  assertReplays,
  createTestExecutor,
  matchers,
  type PipelineMatchers,
  replay,
  snapshotAt,
} from 'xstate-pipeline/testing';
import { bytesOf, files, ROWS, recordedRun, textOf, whole, wholeWith } from './recorded-run.js';

declare module 'vitest' {
  interface Matchers<T> extends PipelineMatchers<T> {}
}
expect.extend(matchers);

test('a stage is as wide as the recorded threads make it, and no wider; without their number any even width is', async () => {
  const text = textOf(await recordedRun());
  const wider = text.replaceAll('"name":"same","concurrency":1', '"name":"same","concurrency":2');
  expect(wider).not.toBe(text);
  expect(text).toContain('"threads":0,');
  const isRefused = async (recording: string) => {
    const { divergence } = await replay(whole, bytesOf(recording));
    return divergence?.got.transition === 'as the pipeline is today';
  };
  expect(await isRefused(wider)).toBe(true);
  expect(await isRefused(wider.replaceAll('"threads":0', '"threads":2'))).toBe(true);
  expect(await isRefused(wider.replaceAll('"threads":0', '"threads":1'))).toBe(false);
  expect(await isRefused(wider.replaceAll('"threads":0,', ''))).toBe(false);
});

describe('the steps are the same', () => {
  test('over a crash, a pause and their resumes', async () => {
    const run = await recordedRun();
    await expect(run).toReplayOn(whole);
    const result = await assertReplays(whole, run);
    expect(result).toMatchObject({ ok: true, processes: 2, unchecked: 0 });
    expect(result.events).toBeGreaterThan(ROWS * 4);
    expect(result.text).toMatch(/^The same: \d+ events of 2 processes/);
  });

  test('wherever the recording is cut', async () => {
    const lines = textOf(await recordedRun()).split('\n');
    for (let end = 6; end < lines.length; end += 7) {
      const torn = `${lines.slice(0, end).join('\n')}\n${lines[end]?.slice(0, 20)}`;
      expect(await replay(whole, bytesOf(torn))).toMatchObject({ ok: true });
    }
  });

  test('a shortened event is taken as recorded, with its effects', async () => {
    const text = textOf(await recordedRun());
    // The next step of the executor does not need the event.
    const written = /"e":\{"type":"sink\.written".*?(?=,"f":)(?=.*\n.*"a":"executor","e":null)/;
    const shortened = text.replace(written, '"e":{"type":"sink.written","clipped":true}');
    expect(shortened).not.toBe(text);
    const { ok, unchecked } = await replay(whole, bytesOf(shortened));
    expect(ok).toBe(true);
    expect(unchecked).toBeGreaterThan(1);
  });

  test('records between a damaged record and the next keyframe are not checked', async () => {
    const lines = textOf(await recordedRun()).split('\n');
    lines[40] = lines[40]?.replace(/"e":.*$/, '"e":!') ?? '';
    const { ok, unchecked } = await replay(whole, bytesOf(lines.join('\n')));
    expect(ok).toBe(true);
    expect(unchecked).toBeGreaterThan(10);
  });
});

describe('a step differs', () => {
  test('in the context: shows the record, the expected and the actual value', async () => {
    const text = textOf(await recordedRun());
    const changed = text.replace(
      '"in":{"activity":{"set":{"goal":"pause"}}}',
      '"in":{"activity":{"set":{"goal":"run"}}}',
    );
    expect(changed).not.toBe(text);
    const { divergence } = await replay(whole, bytesOf(changed));
    expect(divergence).toMatchObject({
      ...{ actor: 'executor', eventType: 'pause', state: 'EXECUTING' },
      differences: [{ path: 'activity.goal', expected: 'run', got: 'pause' }],
    });
    await expect(expect(bytesOf(changed)).toReplayOn(whole)).rejects.toThrow(
      'executor gets pause in EXECUTING',
    );
  });

  test('in a transition that changes nothing', async () => {
    const text = textOf(await recordedRun());
    const step =
      text
        .split('\n')
        .find((line) => line.includes('"e":{"type":"commit.due"') || line.includes('"e":{"type":"pause"')) ??
      '';
    const ignored = step.replace(/,"x":\d+/, '');
    const { divergence } = await replay(whole, bytesOf(text.replace(step, ignored)));
    expect(divergence?.expected.transition).toBe('none: the event is ignored');
  });

  test('because the pipeline differs: attempts, names', async () => {
    const run = await recordedRun();
    expect((await replay(wholeWith(5), run)).divergence).toMatchObject({
      actor: 'stage:paid',
      differences: [{ path: 'attempts', expected: 3, got: 5 }],
    });
    const other = await replay(wholeWith(3, 'other').stages, run);
    expect(other.divergence?.differences).toMatchObject([
      { path: 'stages.1', expected: 'paid', got: 'other' },
    ]);
    await expect(assertReplays(wholeWith(5), run)).rejects.toThrow('as the pipeline is today');
  });

  test('a missing file and a file without a recording are refused', async () => {
    await expect(replay(whole, 'nowhere.jsonl')).rejects.toThrow('There is no recording');
    await expect(replay(whole, bytesOf('{"a":1}\n'))).rejects.toThrow('holds no recording');
    const unrecorded = createTestExecutor(whole, { files });
    await unrecorded.execute();
    await expect(replay(whole, unrecorded)).rejects.toThrow('--record');
  });
});

describe('snapshotAt', () => {
  test('of any event gives a snapshot for createActor', async () => {
    const run = await recordedRun();
    const { events } = await replay(whole, run);
    const machine = createExecutorMachine(
      whole.stages.map(({ name }) => ({ name, concurrency: 2, attempts: 3 })),
    );
    for (let event = 3; event < events; event += 11) {
      const { snapshot, storedState } = await snapshotAt(run, { event });
      const actor = createActor(machine, { snapshot, input: {} }).start();
      expect(actor.getSnapshot().value).toBe(
        storedState === 'EXECUTING' || storedState === 'INITIALIZING' ? 'PAUSED' : storedState,
      );
    }
  });

  test('of a batch, a state, a time gives a checkpoint that createTestExecutor resumes to the same output', async () => {
    const run = await recordedRun();
    const rows = run.rows();
    const paused = await snapshotAt(run, { state: 'PAUSED' }, whole);
    expect(paused.storedState).toBe('PAUSED');
    const moments = [
      { batch: 3 },
      { state: 'PAUSED' },
      { time: paused.at },
      { time: new Date(paused.at) },
      { event: paused.event },
    ] as const;
    for (const when of moments) {
      const snapshot = await snapshotAt(run, when, whole);
      const { bytes } = snapshot.snapshot.context.flushed.sink as { bytes: number };
      const again = createTestExecutor(whole, {
        files: { ...files, 'out.jsonl.part': run.text('out.jsonl')?.slice(0, bytes) ?? '' },
        snapshot,
      });
      await again.resume();
      expect(again.rows()).toEqual(rows);
      expect(again.invocations.length).toBeLessThan(ROWS * 2);
    }
    const committed = await snapshotAt(run, { batch: 3 });
    expect(committed.snapshot.context.committed).toBeGreaterThan(3);
  });

  test('of a missing moment is refused', async () => {
    const run = await recordedRun();
    for (const when of [
      { event: 1e6 },
      { batch: 99 },
      { state: 'FAILED' },
      { state: 'PAUSED', nth: 9 },
      { time: 5 },
    ] as const)
      await expect(snapshotAt(run, when)).rejects.toThrow(
        /no such moment: \{.*\}\. It has events 0 to \d+, batches up to 11 committed, 20/,
      );
    const none = [{}, { event: -1 }, { event: 1.5 }, { batch: Number.NaN }, { state: 'PASUED' }, { btch: 1 }];
    const more = [{ time: new Date('') }, { event: 1, batch: 1 }, { state: 'PAUSED', nth: 0.5 }, undefined];
    for (const when of [...none, ...more])
      await expect(snapshotAt(run, when as never)).rejects.toThrow('A moment is one of');
  });
});
