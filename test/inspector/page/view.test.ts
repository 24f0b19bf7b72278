/**
 * Pins what the page shows of a moment: lanes and totals, the last transition, the legal commands, the rows of the log and of
 * the tree. The input is a recording of a real run.
 */
import { beforeAll, expect, test } from 'vitest';
import {
  executorMetrics,
  journalBytes,
  lanes,
  lastCheckpoint,
} from '../../../src/inspector/page/view/lanes.js';
import { logRow } from '../../../src/inspector/page/view/log.js';
import { filteredSessions, shownState, statesOf } from '../../../src/inspector/page/view/sessions.js';
import { stateText } from '../../../src/inspector/page/view/state-value.js';
import { takenBy } from '../../../src/inspector/page/view/taken.js';
import { treeRows } from '../../../src/inspector/page/view/tree.js';
import type { RecordingRecord } from '../../../src/recording/format.js';
import { type Recorded, recorded } from './recording.js';

let run: Recorded;
beforeAll(async () => {
  run = await recorded();
});

const STAGES = ['normalise', 'classify', 'score'];
const all = () => run.reader.find({}, 0, run.reader.length);
const momentOf = (fits: (record: RecordingRecord) => boolean) => {
  const found = all().find(({ record }) => fits(record));
  if (found === undefined) throw new Error('no such record');
  const { index } = found;
  return {
    frame: run.reader.frameAt(index),
    recent: run.reader.find({}, Math.max(0, index - 299), 300).filter((each) => each.index <= index),
  };
};

test('at the end every stage has done every batch, and the totals are those of the run', () => {
  const frame = run.reader.frameAt(run.reader.length - 1);
  const at = executorMetrics(frame);
  expect(at).toMatchObject({
    state: 'COMPLETED',
    rowsIn: 3000,
    committed: 60,
    written: 60,
    read: 60,
    window: [],
  });
  expect(at.rowsOut).toBe(Array.from({ length: 3000 }, (_, n) => n).filter((n) => n % 7 > 0).length);
  const rows = lanes(frame, STAGES, run.reader.find({}, run.reader.length - 300, 300));
  expect(rows.map(({ stage, queued, inFlight, done }) => ({ stage, queued, inFlight, done }))).toEqual(
    STAGES.map((stage) => ({ stage, queued: 0, inFlight: 0, done: 60 })),
  );
  for (const row of rows) {
    // Nothing runs any more.
    expect(row.rate).toBeNull();
    expect(row.latencyMs).toBeGreaterThanOrEqual(0);
  }
});

test('rates are over time, from the start of the process, and none while nothing runs', () => {
  const working = momentOf(
    (record) =>
      record.type === 'event' && record.event.type === 'batch.completed' && record.event.batch === 10,
  );
  const [first] = lanes(working.frame, STAGES, working.recent);
  const since = working.recent[0]?.record.at ?? 0;
  const rows = working.recent.reduce(
    (sum, { record }) =>
      record.type === 'event' &&
      record.event.type === 'batch.completed' &&
      record.event.stage === 'normalise' &&
      record.at > Math.max(since, working.frame.at - 10_000)
        ? sum + 50
        : sum,
    0,
  );
  const seconds = (working.frame.at - Math.max(since, working.frame.at - 10_000)) / 1000;
  expect(first?.rate).toBeCloseTo(rows / seconds);
  const paused = momentOf((record) => record.type === 'step' && record.to === 'PAUSED');
  for (const { rate } of lanes(paused.frame, STAGES, paused.recent)) expect(rate).toBeNull();
});

test('done batches are those of all processes, also right after a resume', () => {
  const restart = all().findLast(({ record }) => record.type === 'begin' && record.resumed)?.index ?? 0;
  let before = 0;
  for (const { index } of all().filter((each) => each.index > restart)) {
    const frame = run.reader.frameAt(index);
    const { written, window } = executorMetrics(frame);
    const [lane] = lanes(frame, STAGES, []);
    expect(lane?.done).toBe(written + window.filter((cell) => cell.at > 0).length);
    expect(lane?.done).toBeGreaterThanOrEqual(before);
    before = lane?.done ?? 0;
  }
  expect(before).toBe(60);
});

test('rows read are those of the source, those in flight included', () => {
  const { frame } = momentOf((record) => record.type === 'step' && record.event?.type === 'source.batches');
  const { rowsRead, rowsIn, window, read } = executorMetrics(frame);
  expect(rowsRead).toBe(read * 50);
  expect(rowsIn).toBe((read - window.length) * 50);
  expect(rowsRead).toBeGreaterThan(rowsIn);
});

test('the stage that ended the run shows that it failed', async () => {
  const failed = await recorded({ batches: 30, failsAtLast: true });
  const frame = failed.reader.frameAt(failed.reader.length - 1);
  expect(executorMetrics(frame).state).toBe('FAILED');
  expect(lanes(frame, STAGES, []).map(({ state, error }) => [state === 'failed', error !== ''])).toEqual([
    [false, false],
    [true, true],
    [false, false],
  ]);
});

test('lanes show queued, running and retrying batches', () => {
  const retried = momentOf(
    (record) =>
      record.type === 'step' && record.actor === 'stage:classify' && record.event?.type === 'attempt.failed',
  );
  const lane = lanes(retried.frame, STAGES, retried.recent)[1];
  expect(lane).toMatchObject({ stage: 'classify', retrying: 1, concurrency: 4 });
  const busiest = all()
    .map(({ index }) => executorMetrics(run.reader.frameAt(index)).window.length)
    .reduce((a, b) => Math.max(a, b));
  expect(busiest).toBe(12);
});

test('the words of the activity follow the context', () => {
  const seen = new Set(all().flatMap(({ index }) => executorMetrics(run.reader.frameAt(index)).doing));
  expect([...seen].toSorted()).toEqual(['committing', 'pausing', 'publishing', 'reading', 'writing']);
});

test('the last checkpoint has its age', () => {
  const saved = momentOf((record) => record.type === 'event' && record.event.type === 'checkpoint.saved');
  expect(lastCheckpoint(saved.recent, saved.frame.at + 500)).toMatchObject({ ageMs: 500 });
  expect(lastCheckpoint([], 0)).toBeNull();
});

test('the journal has its size at the last commit', () => {
  const { series } = run.reader.summary();
  const commits = all().flatMap(({ record }) =>
    record.type === 'event' && record.event.type === 'batches.committed' ? [record] : [],
  );
  expect(commits.length).toBeGreaterThan(2);
  for (const { at, event } of commits) {
    expect(event.journalBytes).toBeGreaterThan(0);
    expect(journalBytes(series, at)).toBe(event.journalBytes);
    expect(journalBytes(series, at + 1)).toBe(event.journalBytes);
  }
  expect(journalBytes(series, 0)).toBeUndefined();
  // A recording without journal sizes.
  expect(journalBytes([{ at: 1, rowsIn: 1, rowsOut: 1 }], 2)).toBeUndefined();
});

test('data of another shape causes no error', () => {
  const odd = {
    definition: '?',
    parent: null,
    state: { a: { b: 'c' } },
    status: 'active',
    context: { window: 7, written: 'x' },
  };
  const record = run.reader.record(0);
  const frame = {
    index: 0,
    at: 0,
    record,
    changed: [],
    isUncertain: false,
    actors: { executor: odd },
  } as never;
  expect(executorMetrics(frame)).toMatchObject({ state: 'a.b.c', rowsIn: 0, window: [] });
  expect(lanes(frame, ['a'], [])).toMatchObject([{ stage: 'a', state: '', queued: 0, rate: null }]);
  expect(stateText({})).toBe('');
});

test('the transition that a step took is the one with its event, from its state', () => {
  const { definitions } = run.reader.summary();
  let steps = 0;
  for (const { index, record } of all()) {
    if (record.type !== 'step' || record.transition === null) continue;
    steps++;
    const taken = takenBy(record.actor, { frame: { index }, recent: [{ index, record }] });
    expect(taken).toEqual({ transition: record.transition, isFresh: true });
    const machine = run.reader.frameAt(index).actors[record.actor]?.definition ?? '';
    const transition = definitions[machine]?.transitions[record.transition];
    expect(transition?.event).toBe(record.event?.type ?? '');
    expect([stateText(record.from), '']).toContain(transition?.source);
  }
  expect(steps).toBeGreaterThan(300);
});

test('a step of another actor does not highlight a transition as just taken', () => {
  const { frame, recent } = momentOf((record) => record.type === 'step' && record.actor === 'stage:score');
  expect(takenBy('executor', { frame, recent })).toMatchObject({ isFresh: false });
  expect(takenBy('stage:score', { frame, recent })).toMatchObject({ isFresh: true });
});

test('a chart draws every transition of its machine once, from its source', () => {
  for (const [id, { states, transitions }] of Object.entries(run.reader.summary().definitions)) {
    const chart = run.exported.charts[id];
    for (const layout of [chart?.wide, chart?.tall]) {
      expect(layout?.states.map(({ key }) => key)).toEqual(states.map(({ path }) => path));
      const drawn = new Set(
        [
          ...(layout?.edges ?? []),
          ...(layout?.states ?? []).map(({ inside }) => ({ lines: inside })),
        ].flatMap(({ lines }) => lines.flatMap((line) => line.transitions)),
      );
      expect([...drawn].sort((a, b) => a - b)).toEqual(transitions.map((_, i) => i));
      for (const { x, y, width, height } of layout?.states ?? [])
        expect(
          x >= 0 && y >= 0 && x + width <= (layout?.width ?? 0) && y + height <= (layout?.height ?? 0),
        ).toBe(true);
    }
  }
});

test('a row of the log names event, actor and change of state', () => {
  const rows = all().map(({ record }) => logRow(record));
  expect(rows).toContainEqual(
    expect.objectContaining({
      kind: 'step',
      actor: 'executor',
      title: 'opened',
      from: 'INITIALIZING',
      to: 'EXECUTING',
    }),
  );
  expect(rows).toContainEqual(
    expect.objectContaining({
      actor: 'stage:classify',
      title: 'batch.retried',
      tone: 'warn',
      detail: expect.stringMatching(/batch \d+ · attempt 1 .*503 from/),
    }),
  );
  expect(rows).toContainEqual(expect.objectContaining({ title: 'process restart', detail: 'pid 5150' }));
  expect(rows).toContainEqual(
    expect.objectContaining({
      title: 'batch.completed',
      detail: expect.stringMatching(/^batch 0 · 50 → 50 rows/),
    }),
  );
});

test('a tree opens by path, marks changes and their ancestors, and counts what it leaves out', () => {
  const value = { a: { b: [1, 2], c: 'x' }, d: Array.from({ length: 500 }, (_, i) => i), e: null };
  expect(treeRows(value, new Set(), ['a.b']).map(({ path, changed }) => [path, changed])).toEqual([
    ['a', true],
    ['d', false],
    ['e', false],
  ]);
  const open = treeRows(value, new Set(['a', 'a.b']), ['a.b']);
  expect(open.filter(({ changed }) => changed).map(({ path }) => path)).toEqual([
    'a',
    'a.b',
    'a.b.0',
    'a.b.1',
  ]);
  expect(open.find(({ path }) => path === 'a.c')).toMatchObject({ value: '"x"', kind: 'string', depth: 1 });
  const long = treeRows(value, new Set(['d']), []);
  expect(long).toHaveLength(3 + 200 + 1);
  expect(long.find(({ kind }) => kind === 'more')?.value).toBe('300 more');
});

test('sessions are found by state, name and id; a running session without an owner was killed', () => {
  const session = (id: string, state: string, live = false) => ({
    ...{
      id,
      state,
      live,
      pipeline: `pipe-${id}`,
      startedAt: 0,
      savedAt: 0,
      rowsIn: 0,
      rowsOut: 0,
      recorded: true,
    },
  });
  const sessions = [session('a1', 'EXECUTING', true), session('b2', 'EXECUTING'), session('c3', 'FAILED')];
  expect(sessions.map(shownState)).toEqual(['EXECUTING', 'KILLED', 'FAILED']);
  expect(statesOf(sessions)).toEqual(['EXECUTING', 'FAILED', 'KILLED']);
  const ids = (filter: { state: string; text: string }) =>
    filteredSessions(sessions, filter).map(({ id }) => id);
  expect(ids({ state: 'KILLED', text: '' })).toEqual(['b2']);
  expect(ids({ state: '', text: ' PIPE-C' })).toEqual(['c3']);
});
