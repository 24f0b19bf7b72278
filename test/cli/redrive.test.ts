/**
 * `redrive`: the dead letters of a completed session are the input of a new one.
 *
 * Pinned: the outputs of both are complete together; a row enters at the stage that lost it, and no stage before it is called again;
 * a second redrive takes nothing twice; what is lost again can be redriven again; every refusal names its cause.
 */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { call, events, expectOneLine, folder, rowsText, text } from './command.js';

const BROKEN = { BROKEN: 'yes' };
/** `parse` loses rows 3, 13 …, `ask` rows 7, 17 …, `store` rows 9, 19 …; all calls of `ask` are in a file. */
const project = (sink = "jsonl('out.jsonl')", ask = "version: '1'", options = '') => `
import { appendFileSync } from 'node:fs';
import { defineStage, map, pipeline } from 'xstate-pipeline';
import { csv, jsonl } from 'xstate-pipeline/node';
const lose = (n, digit) => { if (process.env.BROKEN && n % 10 === digit) throw new Error('lost ' + n); };
const onError = 'dead-letter';
export default pipeline('p', { batchSize: 8 ${options} })
  .from(jsonl('in.jsonl', { onMalformed: 'dead-letter' }))
  .pipe(map('parse', ({ n }) => (lose(n, 3), { n }), { onError }))
  .pipe(defineStage({ name: 'ask', durable: true, rowsPerCall: 2, onError, ${ask},
    process: async (rows, { failRow }) => {
      appendFileSync('calls', rows.map(({ n }) => n + '\\n').join(''));
      return rows.flatMap(({ n }, i) => {
        try { lose(n, 7); return [{ n, asked: true }]; } catch (error) { failRow(i, error); return []; }
      });
    } }))
  .pipe(map('store', (row) => (lose(row.n, 9), row), { onError }))
  .to(${sink});
`;

const start = (file = project(), rows = rowsText(40)) => folder({ 'p.mjs': file, 'in.jsonl': rows });
const idOf = (stdout: string) => /^session (\S+)/m.exec(stdout)?.[1] ?? '';
const numbers = (cwd: string, name: string) =>
  text(cwd, name)
    .split('\n')
    .filter(Boolean)
    .map((line) => Number((JSON.parse(line) as { n: number }).n));
const calls = (cwd: string) => text(cwd, 'calls').split('\n').filter(Boolean).map(Number);
const ALL = Array.from({ length: 40 }, (_, n) => n);
const sorted = (list: readonly number[]) => [...list].sort((a, b) => a - b);

async function lossy(cwd: string): Promise<string> {
  const { code, stdout } = await call(['run', 'p.mjs'], { cwd, env: BROKEN });
  expect(code).toBe(0);
  return idOf(stdout);
}

test('both outputs together are complete, and no row is asked about twice but those that `ask` lost', async () => {
  const cwd = start();
  const { stdout } = await call(['run', 'p.mjs'], { cwd, env: BROKEN });
  const first = idOf(stdout);
  expect(stdout).toContain(`redrive ${first}`);
  expect((await call(['show', first], { cwd })).stdout).toContain(`redrive ${first}`);
  expect(sorted(calls(cwd))).toEqual(ALL.filter((n) => n % 10 !== 3));
  rmSync(join(cwd, 'calls'));
  const { code, stdout: second, stderr } = await call(['redrive', first], { cwd });
  expect(code, stderr).toBe(0);
  expect(stderr).toContain(`Redriving 12 rows of session ${first}: 4 from parse, 4 from ask, 4 from store.`);
  expect(calls(cwd)).toEqual([3, 13, 23, 33, 7, 17, 27, 37]);
  expect(numbers(cwd, 'out.redriven.jsonl')).toEqual([3, 13, 23, 33, 7, 17, 27, 37, 9, 19, 29, 39]);
  expect(sorted([...numbers(cwd, 'out.jsonl'), ...numbers(cwd, 'out.redriven.jsonl')])).toEqual(ALL);
  const shown = (await call(['show', idOf(second)], { cwd })).stdout;
  expect(shown).toMatch(new RegExp(`redrives +${first}`));
  const shownFirst = (await call(['show', first], { cwd })).stdout;
  expect(shownFirst).toMatch(new RegExp(`redriven by +${idOf(second)}`));
  expect(shownFirst).not.toContain('To run its dead letters again');
});

test('a second redrive takes nothing twice', async () => {
  const cwd = start();
  const first = await lossy(cwd);
  const { stdout } = await call(['redrive', first, '--json'], { cwd });
  expect(events(stdout).at(-1)).toMatchObject({ type: 'pipeline.completed' });
  const before = calls(cwd).length;
  const again = await call(['redrive', first], { cwd });
  expect(again.code).toBe(0);
  expect(again.stdout).toMatch(/\(12 rows\) were redriven by session \S+, which is completed/);
  expect(calls(cwd)).toHaveLength(before);
  expect(readdirSync(cwd).filter((name) => name.startsWith('out.redriven'))).toEqual(['out.redriven.jsonl']);
});

test('rows that are lost again are dead letters of the new session, which can be redriven', async () => {
  const cwd = start();
  const first = await lossy(cwd);
  const healing = project().replace('process.env.BROKEN &&', 'process.env.BROKEN && digit !== 9 &&');
  writeFileSync(join(cwd, 'q.mjs'), healing);
  const { code, stdout } = await call(['redrive', first, 'q.mjs'], { cwd, env: BROKEN });
  expect(code).toBe(0);
  expect(numbers(cwd, 'out.redriven.jsonl')).toEqual([9, 19, 29, 39]);
  const second = idOf(stdout);
  expect(stdout).toContain(`redrive ${second}`);
  expect((await call(['redrive', second], { cwd })).code).toBe(0);
  expect(numbers(cwd, 'out.redriven-2.jsonl')).toEqual([3, 13, 23, 33, 7, 17, 27, 37]);
});

test('where every row is lost again, the next redrive takes them', async () => {
  const cwd = start();
  const first = await lossy(cwd);
  const { code, stdout } = await call(['redrive', first], { cwd, env: BROKEN });
  expect(code).toBe(1);
  expect(stdout).toContain(`redrive ${idOf(stdout)}`);
  expect((await call(['redrive', first], { cwd })).code).toBe(0);
  expect(sorted([...numbers(cwd, 'out.jsonl'), ...numbers(cwd, 'out.redriven-2.jsonl')])).toEqual(ALL);
});

test('CSV keeps its columns; --to names the file', async () => {
  const cwd = start(project("csv('out.csv')"));
  const first = await lossy(cwd);
  expect((await call(['redrive', first, '--to', 'more.csv'], { cwd })).code).toBe(0);
  expect(text(cwd, 'more.csv').split('\n')[0]).toBe('n,asked');
  expect(text(cwd, 'more.csv').split('\n')).toHaveLength(14);
});

test('malformed rows are named and left out', async () => {
  const cwd = start(project(), `${rowsText(10)}{"n":\n`);
  const first = await lossy(cwd);
  const { stderr, code } = await call(['redrive', first], { cwd });
  expect(code).toBe(0);
  expect(stderr).toContain('1 malformed row of the input cannot be redriven');
  expect(numbers(cwd, 'out.redriven.jsonl')).toEqual([3, 7, 9]);
});

test('the stage that lost rows may change; a change before it is refused with 3, unless forced', async () => {
  const cwd = start();
  const first = await lossy(cwd);
  writeFileSync(join(cwd, 'q.mjs'), project("jsonl('out.jsonl')", "version: '2'"));
  const refused = await call(['redrive', first, 'q.mjs'], { cwd });
  expect(refused.code).toBe(3);
  expectOneLine(refused, 'stage "ask" was version 1 and is 2');
  const forced = await call(['redrive', first, 'q.mjs', '--force'], { cwd });
  expect(forced.code, forced.stderr).toBe(0);
});

test('a changed stage is accepted where it is the one that lost the rows', async () => {
  const cwd = start(project().replaceAll('lose(row.n, 9)', '0'));
  const first = await lossy(cwd);
  writeFileSync(join(cwd, 'q.mjs'), project("jsonl('out.jsonl')", "version: '2'"));
  expect((await call(['redrive', first, 'q.mjs'], { cwd })).code).toBe(0);
  expect(numbers(cwd, 'out.redriven.jsonl')).toHaveLength(8);
});

test('refusals', async () => {
  const cwd = start();
  expect((await call(['redrive', 'last'], { cwd })).code).toBe(4);
  const clean = idOf((await call(['run', 'p.mjs'], { cwd })).stdout);
  const none = await call(['redrive', clean], { cwd });
  expect(none).toMatchObject({ code: 0, stdout: expect.stringContaining('has no dead letters') });
  const first = await lossy(cwd);
  writeFileSync(join(cwd, 'out.redriven.jsonl'), '');
  const exists = await call(['redrive', first], { cwd });
  expect(exists.code).toBe(2);
  expectOneLine(exists, /out\.redriven\.jsonl exists already.*--to/);
  writeFileSync(join(cwd, 'out.dead-letter.jsonl'), '{}\n');
  const gone = await call(['redrive', first], { cwd });
  expect(gone.code).toBe(2);
  expectOneLine(gone, 'no longer in');
  const unknown = await call(['redrive', first, '--too', 'x'], { cwd });
  expect(unknown.code).toBe(2);
});
