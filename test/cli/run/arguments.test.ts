/**
 * Arguments of a pipeline file: the words after `--` reach the function that the file exports. They are stored with the session, so
 * `resume` needs none, and others are refused (I15).
 */
import { describe, expect, test } from 'vitest';
import { withArguments } from 'xstate-pipeline/node';
import { call, expectOneLine, folder, rowsText, run, SLOWLY, start, text } from '../command.js';

const build = (stages: string) => `
import { existsSync } from 'node:fs';
import { defineStage, map, pipeline } from 'xstate-pipeline';
import { jsonl, withArguments } from 'xstate-pipeline/node';
interface Row { n: number; word: string }
const options = { country: { type: 'string', short: 'c', default: 'FR' }, loud: { type: 'boolean' } } as const;
export default withArguments(options, ({ country, loud }, words) =>
  pipeline('words', { batchSize: 20 }).from(jsonl<Row>('in.jsonl'))
    ${stages}.to(jsonl(\`out-\${country}.jsonl\`)));
`;
const NAMED = build(
  ".pipe(map('name', ({ n }) => ({ n, country, loud: loud === true, words: words.join() })))",
);
const DURABLE = build(`.pipe(defineStage({
  name: 'slow', durable: true,
  process: async (rows: readonly Row[]) => {
    for (let left = Number(process.env.BATCH_MS ?? 0); left > 0 && !existsSync('hurry'); left -= 10)
      await new Promise((resolve) => setTimeout(resolve, 10));
    return rows.map(({ n }) => ({ n, country }));
  },
}))`);

test('reach the function that the file exports, in threads too', async () => {
  const cwd = folder({ 'p.ts': NAMED, 'in.jsonl': rowsText(3) });
  const row = (country: string, loud: boolean, words: string) =>
    [0, 1, 2].map((n) => `${JSON.stringify({ n, country, loud, words })}\n`).join('');
  for (const more of [[], ['--threads', '2']]) {
    const given = await run(['run', 'p.ts', '--quiet', ...more, '--', '-c', 'DE', 'a', '--loud', 'b'], {
      cwd,
    });
    expect(given.code, given.stderr).toBe(0);
    expect(text(cwd, 'out-DE.jsonl')).toBe(row('DE', true, 'a,b'));
  }
  expect((await call(['run', 'p.ts'], { cwd })).code).toBe(0);
  expect(text(cwd, 'out-FR.jsonl')).toBe(row('FR', false, ''));
});

test('reach a function of the words, synchronous or not', async () => {
  const file = `import { map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
export default async ([name]) => pipeline('p').from(jsonl('in.jsonl')).pipe(map('same', (row) => row)).to(jsonl(\`\${name}.jsonl\`));`;
  const cwd = folder({ 'p.mjs': file, 'in.jsonl': rowsText(3) });
  expect((await call(['run', 'p.mjs', '--', 'mine'], { cwd })).code).toBe(0);
  expect(text(cwd, 'mine.jsonl')).toBe(rowsText(3));
});

test('are stored: resume needs none, and others are refused', async () => {
  const cwd = folder({ 'p.ts': DURABLE, 'in.jsonl': rowsText(200) });
  const child = start(['run', 'p.ts', '--checkpoint-interval', '20', '--json', '--', '--country', "D'E"], {
    cwd,
    env: SLOWLY,
  });
  const [, id = ''] = await child.printed(/"sessionId":"([^"]+)"/);
  await child.printed(/batches\.committed/);
  child.process.kill('SIGKILL');
  await child.ended;
  expect((await call(['show', id], { cwd })).stdout).toMatch(/arguments +--country 'D'\\''E'/);
  const other = await call(['resume', id, '--', '--country', 'IT'], { cwd });
  expect(other.code).toBe(3);
  expectOneLine(other, "the arguments were --country 'D'\\''E', and are --country IT");
  const ended = await call(['resume', id], { cwd });
  expect(ended.code, ended.stderr).toBe(0);
  expect(text(cwd, "out-D'E.jsonl").split('\n')).toHaveLength(201);
});

describe('are refused in one line', () => {
  test.each<[string, string, readonly string[], RegExp]>([
    [
      'an unknown option',
      NAMED,
      ['--county', 'DE'],
      /p\.ts.*Unknown option '--county'\. Its options are --country, --loud; give them after --\.$/,
    ],
    ['an option without its value', NAMED, ['--country'], /'-c, --country <value>' argument missing/],
    [
      'a pipeline that takes none',
      "import { pipeline } from 'xstate-pipeline';\nimport { jsonl } from 'xstate-pipeline/node';\nexport default pipeline('p').from(jsonl('in.jsonl')).to(jsonl('out.jsonl'));",
      ['x'],
      /p\.ts takes no arguments: its default export is a pipeline/,
    ],
    [
      'too many characters',
      NAMED,
      ['x'.repeat(5000)],
      /The arguments of p\.ts have more than 4096 characters/,
    ],
    [
      'a function that returns no pipeline',
      'export default () => 5;',
      [],
      /its default export is a function that returned a number, not a pipeline/,
    ],
    [
      'a function that throws',
      "export default () => { throw new Error('no luck'); };",
      [],
      /p\.ts.*the file threw an error while it was loaded: no luck/,
    ],
  ])('%s', async (_, file, words, expected) => {
    const cwd = folder({ 'p.ts': file, 'in.jsonl': rowsText(1) });
    const ended = await call(['run', 'p.ts', '--', ...words], { cwd });
    expect(ended.code).toBe(2);
    expectOneLine(ended, expected);
  });

  test('an option of the pipeline before --', async () => {
    const cwd = folder({ 'p.ts': NAMED });
    expectOneLine(await call(['run', 'p.ts', '--country', 'DE'], { cwd }), /unknown option '--country'/);
  });
});

test('withArguments gives the types of the options', () => {
  const whole = withArguments(
    { many: { type: 'string', multiple: true }, one: { type: 'boolean' } },
    ({ many, one }) => {
      const values: readonly string[] = many ?? [];
      const isOne: boolean | undefined = one;
      // @ts-expect-error: it may be missing
      const missing: boolean = one;
      throw new Error(JSON.stringify([values, isOne, missing]));
    },
  );
  expect(() => whole(['--many', 'a', '--many', 'b', '--one'])).toThrow('[["a","b"],true,true]');
});
