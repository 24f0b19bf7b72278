/**
 * Pins: the main example on real data. `npm start` succeeds, and its output agrees with figures that plain code computes here from
 * the data set. After kill -9 and resume the output is byte-identical, and the service has charged for no row twice (I7, I8).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Assessed } from '../../examples/02-wildlife-strikes/strike.js';
import { type Outcome, type Workspace, workspace, XSTATE_PIPELINE } from './workspace.js';

const OUTPUT = 'out/strikes/assessed.jsonl';
const TABLE = 'out/strikes/damaging.csv';
const LEDGER = 'out/strikes/ledger.jsonl';
const JOB = 'examples/02-wildlife-strikes/pipeline.ts';

interface Entry {
  readonly key: string;
  readonly status: number;
  readonly cents: number;
}

/** The data set without the library: it has no quotes, so a comma is a comma. */
const [header = '', ...records] = readFileSync(
  new URL('../../node_modules/vega-datasets/data/birdstrikes.csv', import.meta.url),
  'utf8',
)
  .trimEnd()
  .split(/\r?\n/);
const column = (name: string) => header.split(',').indexOf(name);
const civil = records
  .map((record) => record.split(','))
  .filter((record) => record[column('Aircraft Airline Operator')] !== 'MILITARY');
const costOf = (record: readonly string[]) => Number(record[column('Cost Total $')]);

const sum = <T>(all: readonly T[], of: (item: T) => number) =>
  all.reduce((total, item) => total + of(item), 0);
function countBy<T>(all: readonly T[], of: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of all) counts[of(item)] = (counts[of(item)] ?? 0) + 1;
  return counts;
}

let place: Workspace;
let started: Outcome;
let output: string;
beforeAll(async () => {
  place = workspace();
  started = await place.node(['examples/start.mjs'], { STRIKES_LATENCY_MS: '0' });
  output = existsSync(place.path(OUTPUT)) ? place.text(OUTPUT) : '';
}, 180_000);
afterAll(() => place.remove());

test('npm start succeeds, names the output, shows its first rows and what to try next', () => {
  expect(started.stderr + started.stdout).toContain('What to try next');
  expect(started.code).toBe(0);
  expect(started.stdout).toContain(OUTPUT);
  expect(started.stdout).toContain(output.slice(0, output.indexOf('\n')));
  expect(started.stdout).toContain(TABLE);
  expect(started.stdout).toContain('$91.71 charged');
  expect(existsSync(place.path(`${OUTPUT}.part`))).toBe(false);
});

test('the strikes agree with figures computed without the library: count, sum, groups, order', () => {
  const strikes = place.rows<Assessed>(OUTPUT);
  expect(records).toHaveLength(10_000);
  expect(civil).toHaveLength(9_171);
  expect(strikes).toHaveLength(civil.length);
  expect(sum(strikes, (strike) => strike.costDollars)).toBe(sum(civil, costOf));
  expect(countBy(strikes, (strike) => strike.state)).toEqual(
    countBy(civil, (record) => record[column('Origin State')] as string),
  );
  expect(strikes.filter((strike) => strike.species === null)).toHaveLength(
    civil.filter((record) => record[column('Wildlife Species')]?.startsWith('Unknown')).length,
  );
  expect(strikes.map((strike) => strike.date)).toEqual(civil.map((record) => record[column('Flight Date')]));
});

test('airports with a different spelling are found', () => {
  const codes = new Map(place.rows<Assessed>(OUTPUT).map((strike) => [strike.airport, strike.iata]));
  expect(Object.fromEntries(codes)).toMatchObject({
    'Dallas/Fort Worth': 'DFW',
    "Chicago O'Hare": 'ORD',
    Logan: 'BOS',
    'Washington Dulles': 'IAD',
    Louisville: 'SDF',
    'Port Columbus': 'CMH',
  });
  expect([...codes].filter(([, iata]) => iata === null)).toEqual([['Barksdale Air Force Base', null]]);
});

test('the table holds the strikes that did damage, as plain code finds them', () => {
  const [names = '', ...lines] = place.text(TABLE).trimEnd().split('\n');
  const damaging = civil.filter((record) => record[column('Effect Amount of damage')] !== 'None');
  const cost = names.split(',').indexOf('costDollars');
  expect(lines).toHaveLength(damaging.length);
  expect(sum(lines, (line) => Number(line.split(',')[cost]))).toBe(sum(damaging, costOf));
});

test('the service refused some requests, and charged a cent a row', () => {
  const ledger = place.rows<Entry>(LEDGER);
  expect(sum(ledger, (entry) => entry.cents)).toBe(civil.length);
  expect(ledger.filter((entry) => entry.status === 503).length).toBeGreaterThan(0);
});

test('killed and resumed: the same bytes, the same charge, no answered request is repeated', {
  timeout: 120_000,
}, async () => {
  const earlier = place.rows<Entry>(LEDGER).length;
  const own = () => place.rows<Entry>(LEDGER).slice(earlier);
  const child = spawn(process.execPath, [XSTATE_PIPELINE, 'run', JOB, '--quiet'], {
    cwd: place.folder,
    env: { ...place.env, STRIKES_LATENCY_MS: '20' },
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  while (own().length < 60 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill('SIGKILL');
  await ended;
  const answeredBefore = own().length;
  expect(place.text(OUTPUT), 'the earlier result stays until the new one is whole').toBe(output);

  const resumed = await place.node([XSTATE_PIPELINE, 'resume', 'last'], { STRIKES_LATENCY_MS: '0' });
  expect(resumed.stderr + resumed.stdout).toContain('9,171');
  expect(resumed.code).toBe(0);
  expect(place.text(OUTPUT)).toBe(output);
  const entries = own();
  expect(sum(entries, (entry) => entry.cents)).toBe(civil.length);
  const answers = entries.filter((entry) => entry.status === 200);
  const repeated = answers.length - new Set(answers.map((entry) => entry.key)).size;
  expect(answeredBefore).toBeGreaterThan(0);
  expect(
    repeated,
    'at most what was in flight at the kill is asked again, under the same key',
  ).toBeLessThanOrEqual(4);
});
