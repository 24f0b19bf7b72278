/**
 * Pins what the page says of the job in words: the verdict with what to do, progress and time left, spending against the budget, the
 * events, the critical path, and the address that holds what is shown.
 */
import { beforeAll, expect, test } from 'vitest';
import { JobLedger } from '../../../src/inspector/job/ledger.js';
import { livesOf } from '../../../src/inspector/job/lives.js';
import type { JobFigures } from '../../../src/inspector/job/tally.js';
import { indexIn, Selection } from '../../../src/inspector/page/selection.js';
import { criticalPath, ganttOf } from '../../../src/inspector/page/view/gantt.js';
import { executorMetrics, lanes } from '../../../src/inspector/page/view/lanes.js';
import { messagesAround } from '../../../src/inspector/page/view/messages.js';
import {
  bottleneckOf,
  type Now,
  progress,
  spendingLines,
  verdict,
} from '../../../src/inspector/page/view/verdict.js';
import { wordsOf } from '../../../src/inspector/page/view/words.js';
import { type Recorded, recorded } from './recording.js';

let run: Recorded;
beforeAll(async () => {
  run = await recorded();
});
const STAGES = ['normalise', 'classify', 'score'];
const noTurn = async () => {};

async function nowAt(index: number, rest: Partial<Now> = {}): Promise<Now> {
  const frame = run.reader.frameAt(index);
  const recent = run.reader.find({}, Math.max(0, index - 299), Math.min(300, index + 1));
  const figures = await new JobLedger(run.reader, noTurn).figuresAt(index);
  const rows = lanes(frame, STAGES, recent);
  return {
    metrics: executorMetrics(frame),
    lanes: rows,
    figures,
    commands: { resume: 'xstate-pipeline resume 7c1e52aa' },
    live: false,
    isNewest: index === run.reader.length - 1,
    bottleneck: bottleneckOf(rows, figures, 1000),
    workedMs: 60_000,
    ...rest,
  };
}
const markOf = (kind: string) => run.reader.summary().marks.find((mark) => mark.kind === kind)?.index ?? -1;

test('the verdict says how the run ended, what is saved and what to do', async () => {
  const end = await nowAt(run.reader.length - 1);
  expect(verdict(end)).toMatchObject({ tone: 'good', title: 'Completed', todo: [] });
  const killed = markOf('killed');
  const dead = verdict(await nowAt(killed, { isNewest: true }));
  expect(dead).toMatchObject({ tone: 'bad', title: 'Interrupted' });
  expect(dead.text).toMatch(/killed, or it crashed\. [\d,]+ rows of \d+ batches are saved/);
  expect(dead.todo).toEqual([{ what: 'Resume', command: 'xstate-pipeline resume 7c1e52aa' }]);
  expect(verdict(await nowAt(killed, { isNewest: true, live: true }))).toMatchObject({
    title: 'Running',
    todo: [],
  });
  expect(verdict(await nowAt(killed))).toMatchObject({ title: 'Running, at this moment' });
  const paused = await nowAt(markOf('paused'), { isNewest: true });
  expect(verdict(paused)).toMatchObject({ tone: 'warn', title: 'Paused' });
  const reason = {
    kind: 'budget',
    message: 'The budget of $0.50 is spent',
    advice: 'Resume with --budget usd=1',
  };
  const broke = verdict({ ...paused, metrics: { ...paused.metrics, reason } });
  expect(broke.title).toBe('Paused: the budget is spent');
  expect(broke.text).toContain('The budget of $0.50 is spent.');
  expect(broke.todo.map(({ what }) => what)).toEqual([reason.advice, 'Resume']);
  const lossy = { ...end, metrics: { ...end.metrics, lost: 18 }, commands: { redrive: 'redrive it' } };
  expect(verdict(lossy)).toMatchObject({ title: 'Completed with losses', todo: [{ command: 'redrive it' }] });
});

test('progress is what is committed of the input; time left is none while nothing runs', async () => {
  const figures = {
    ...(await nowAt(markOf('killed'))).figures,
    total: { unit: 'bytes', value: 1000 },
  } as JobFigures;
  const now = await nowAt(markOf('killed'), { figures: { ...figures, done: 250, pace: 10 } });
  expect(progress({ ...now, live: true, isNewest: true })).toEqual({ share: 0.25, leftMs: 75_000 });
  expect(progress({ ...now, live: false, isNewest: true })).toEqual({ share: 0.25, leftMs: null });
  const first = { ...figures, done: 250, pace: null };
  expect(progress({ ...now, figures: first, live: true, workedMs: 50_000 }).leftMs).toBe(150_000);
  expect(progress({ ...now, figures: { ...figures, total: null } })).toEqual({ share: null, leftMs: null });
});

test('spending stands against its budget, the uncertain part apart', () => {
  const figures = {
    spent: { usd: 0.42, tokens: 12_000 },
    uncertain: { usd: 0.01 },
    budgets: [{ stage: '', unit: 'usd', limit: 0.5, used: 0.4 }],
  } as unknown as JobFigures;
  expect(spendingLines(figures)).toEqual([
    { text: '$0.42 of $0.50, and up to $0.0100 uncertain', share: 0.84 },
    { text: '12.0k tokens', share: null },
  ]);
});

test('every event of the job has words of its own', () => {
  const types = new Set<string>();
  for (const { record } of run.reader.find({ types: ['event'] }, 0, run.reader.length)) {
    const words = wordsOf(record);
    if (record.type === 'event') types.add(record.event.type);
    expect(words?.title).toBeTruthy();
    expect(words?.title).not.toMatch(/undefined|NaN|^\w+\.\w+$/);
  }
  expect(types.size).toBeGreaterThan(8);
});

test('bars keep to their lanes, and the critical path leads back from the last batch without a gap', async () => {
  const lives = await livesOf(run.reader, 0, run.reader.length - 1, noTurn);
  const { lanes: rows, bars } = ganttOf(lives);
  expect(rows.map(({ name }) => name)).toEqual([...STAGES, 'output']);
  for (const { span, y, height } of bars) {
    const lane = rows[span.stage];
    expect(y).toBeGreaterThanOrEqual(lane?.y ?? 0);
    expect(y + height).toBeLessThanOrEqual((lane?.y ?? 0) + (lane?.height ?? 0) + 1);
  }
  const { spans, shares } = criticalPath(lives.lives);
  const path = [...spans];
  expect(path.length).toBeGreaterThan(5);
  for (let i = 1; i < path.length; i++) expect(path[i]?.from).toBeLessThanOrEqual(path[i - 1]?.to ?? 0);
  expect(shares.reduce((sum, { ms }) => sum + ms, 0)).toBe(
    path.reduce((sum, { from, to }) => sum + to - from, 0),
  );
});

test('messages have a sender and a receiver', () => {
  const index = markOf('paused');
  const messages = messagesAround(run.reader.frameAt(index), run.reader.find({}, index - 200, 201), STAGES);
  const pairs = new Set(messages.map(({ from, to }) => `${from} > ${to}`));
  expect([...pairs].some((pair) => /^stage:\w+ > executor$/.test(pair))).toBe(true);
  expect(messages.length).toBeLessThanOrEqual(24);
});

test('an address holds the selection; unknown values are the defaults', () => {
  const one = new Selection();
  one.view.value = 'Failures';
  one.tab.value = 'Event';
  one.batch.value = 12;
  one.text.value = 'a & b #';
  one.steps.value = true;
  const params = new URLSearchParams('token=x');
  one.write(params);
  const other = new Selection();
  other.read(new URLSearchParams(String(params)));
  for (const key of ['view', 'tab', 'batch', 'text', 'steps', 'from', 'actor', 'other'] as const)
    expect(other[key].value).toEqual(one[key].value);
  expect(params.get('token')).toBe('x');
  other.read(new URLSearchParams('view=<b>&tab=x&batch=-1&at=9e9'));
  expect([other.view.value, other.tab.value, other.batch.value]).toEqual(['Job', 'Events', null]);
  expect(indexIn(new URLSearchParams('at=9e9'), 'at')).toBeUndefined();
});
