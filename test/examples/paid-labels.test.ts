/**
 * Pins the example of paid work: the budget pauses the run before it is exceeded, the resume completes it, every film has its
 * labels, no request that was answered is made again, and the server's own books agree with what the pipeline says to the cent.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Entry } from '../support/charging-server.js';
import { type Outcome, type Workspace, workspace } from './workspace.js';

const BUDGET_USD = 0.5;

let place: Workspace;
let run: Outcome;
beforeAll(async () => {
  place = workspace();
  run = await place.node(['examples/07-paid-labels/main.mjs'], { LABELS_LATENCY_MS: '0' });
}, 120_000);
afterAll(() => place.remove());

test('it pauses at its budget, completes with a larger one, and says what was spent', () => {
  expect(run.code, run.stderr + run.stdout).toBe(0);
  expect(run.stdout).toMatch(/Exit code 7: the run paused by itself/);
  const [, charged] = run.stdout.match(/\$(\d+\.\d+) charged/) ?? [];
  const [, spent] = run.stdout.match(/pipeline says: \$(\d+\.\d+) spent/) ?? [];
  expect(Number(charged)).toBeGreaterThan(BUDGET_USD);
  expect(Number(spent)).toBeCloseTo(Number(charged), 2);
});

test('every film has labels, in the order of the data', () => {
  const data = readFileSync(place.path('node_modules/vega-datasets/data/movies.json'), 'utf8');
  const titles = (JSON.parse(data) as { Title: unknown }[])
    .filter(({ Title }) => Title != null)
    .map(({ Title }) => String(Title));
  const labels = place.rows<{ title: string; audience: string; mood: string }>(
    'out/paid-labels/labels.jsonl',
  );
  expect(labels.map(({ title }) => title)).toEqual(titles);
  for (const { audience, mood } of labels) {
    expect(['children', 'families', 'teenagers', 'adults']).toContain(audience);
    expect(['funny', 'sad', 'tense', 'scary']).toContain(mood);
  }
});

test('no request that was answered is made again', () => {
  const books = place.rows<Entry>('out/paid-labels/books.jsonl');
  const keys = books.filter(({ status, fault }) => status === 200 && fault === null).map(({ key }) => key);
  expect(new Set(keys).size).toBe(keys.length);
  const faults = new Set(books.map(({ fault }) => fault));
  expect([...faults]).toEqual(expect.arrayContaining(['rate-limited', 'error', 'missing-id', 'half-json']));
});
