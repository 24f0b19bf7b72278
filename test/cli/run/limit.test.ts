/**
 * `run --limit`: the first rows go to an output of their own, which is named. The real output, tables and deliveries are not touched. A
 * trial that was stopped is resumed, and ends where an uninterrupted one does.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { rows } from 'xstate-pipeline';
import { nodeFileSystem } from '../../../src/platform/node-file-system.js';
import { jsonlSource } from '../../../src/sources/jsonl.js';
import { limitedSource } from '../../../src/sources/limited-source.js';
import { sourceContract } from '../../../src/testing/contracts/source.js';
import { freshFolder } from '../../support/folders.js';
import {
  call,
  DOUBLE,
  folder,
  pipelineFile,
  project,
  rowsText,
  SLOWLY,
  sessionOf,
  start,
  text,
} from '../command.js';

for (const kind of ['jsonl', 'jsonl of a pattern', 'rows'])
  sourceContract(
    `${kind}, limited`,
    async () => {
      const at = freshFolder();
      const path = join(at, kind === 'jsonl' ? 'in.jsonl' : 'in-*.jsonl');
      const all = Array.from({ length: 30 }, (_, n) => ({ n }));
      const write = (count: number) => {
        const lines = all.slice(0, count).map((row) => `${JSON.stringify(row)}\n`);
        writeFileSync(join(at, 'in.jsonl'), lines.join(''));
        writeFileSync(join(at, 'in-1.jsonl'), lines.slice(0, 4).join(''));
        writeFileSync(join(at, 'in-2.jsonl'), lines.slice(4).join(''));
      };
      write(30);
      const source = () => limitedSource<unknown>(kind === 'rows' ? rows(all) : jsonlSource(path), 13);
      return {
        source,
        rows: all.slice(0, 13),
        fileSystem: nodeFileSystem,
        shorter: async () => {
          write(6);
          return kind === 'rows' ? limitedSource<unknown>(rows(all.slice(0, 6)), 13) : source();
        },
      };
    },
    { describe, it: test },
  );

describe('the output of a trial', () => {
  test('of a fold has results of its own', async () => {
    const cwd = folder({
      'in.jsonl': rowsText(200),
      'sums.jsonl': 'real',
      'p.mjs': `import { fold, pipeline } from 'xstate-pipeline';
        import { jsonl } from 'xstate-pipeline/node';
        const count = fold('count', { init: () => 0, step: (sum) => sum + 1, to: jsonl('sums.jsonl') });
        export default pipeline('p').from(jsonl('in.jsonl')).pipe(count).to(jsonl('out.jsonl'));`,
    });
    expect((await start(['run', 'p.mjs', '--limit', '30'], { cwd }).ended).code).toBe(0);
    expect(text(cwd, 'sums.jsonl')).toBe('real');
    expect(text(cwd, 'sums.limit-30.jsonl')).toBe('{"key":null,"value":30}\n');
  });

  test('is beside the real one, which stays; it is named, and may be replaced by the next trial', async () => {
    const cwd = project(200, { 'out.jsonl': 'real' });
    for (let i = 0; i < 2; i++) {
      const { code, stdout, stderr } = await call(['run', 'p.ts', '--limit', '30'], { cwd });
      expect(code, stderr).toBe(0);
      expect(stderr).toContain('The first 30 rows go to out.limit-30.jsonl. out.jsonl is not touched.');
      expect(stdout).toContain('out.limit-30.jsonl');
      expect(text(cwd, 'out.limit-30.jsonl').split('\n')).toHaveLength(31);
    }
    expect(text(cwd, 'out.jsonl')).toBe('real');
  });

  test('keeps the extensions; more rows than there are are all', async () => {
    const file = pipelineFile(DOUBLE).replace("jsonl('out.jsonl')", "jsonl('out.v1.jsonl.gz')");
    const cwd = folder({ 'p.ts': file, 'in.jsonl': rowsText(5) });
    expect((await call(['run', 'p.ts', '--limit', '9'], { cwd })).code).toBe(0);
    expect(
      gunzipSync(await nodeFileSystem.readFile(join(cwd, 'out.v1.limit-9.jsonl.gz'), 10_000))
        .toString()
        .split('\n'),
    ).toHaveLength(6);
  });

  test('is a file for a table, for split output and for a sink of your own; nothing is delivered', async () => {
    const others = {
      table: `table({ client: { exec() { throw new Error('touched'); }, prepare() { throw new Error('touched'); } }, name: 'orders' })`,
      split: "jsonl('out/{key}.jsonl', { key: (row) => row.word })",
      collect: 'collect()',
    };
    for (const [name, sink] of Object.entries(others)) {
      const file = `import { collect, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { table } from 'xstate-pipeline/sql';
const deliver = () => { throw new Error('delivered'); };
export default pipeline('my ${name}', { deliver }).from(jsonl<{ word: string }>('in.jsonl')).to(${sink});`;
      const cwd = folder({ 'p.ts': file, 'in.jsonl': rowsText(50) });
      const { code, stderr } = await call(['run', 'p.ts', '--limit', '1'], { cwd });
      expect(code, stderr).toBe(0);
      expect(stderr).toMatch(
        new RegExp(`The first row goes to my-${name}\\.limit-1\\.jsonl\\. .* is not touched\\.`),
      );
      expect(text(cwd, `my-${name}.limit-1.jsonl`)).toBe(rowsText(1));
      expect(readdirSync(cwd)).not.toContain('out');
    }
  });
});

test('a trial that was killed is resumed to its own end', async () => {
  const cwd = project(400);
  const child = start(['run', 'p.ts', '--limit', '150', '--json', '--checkpoint-interval', '20'], {
    cwd,
    env: SLOWLY,
  });
  await child.printed(/batches\.committed/);
  child.process.kill('SIGKILL');
  const id = sessionOf((await child.ended).stdout);
  const { code, stderr } = await call(['resume', id], { cwd });
  expect(code, stderr).toBe(0);
  const lines = text(cwd, 'out.limit-150.jsonl').split('\n');
  expect(lines).toHaveLength(151);
  expect(JSON.parse(lines[149] ?? '').n).toBe(298);
  expect(existsSync(join(cwd, 'out.jsonl'))).toBe(false);
});
