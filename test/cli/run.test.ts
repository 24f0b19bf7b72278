/**
 * What `run` and `resume` print and load when all is well.
 *
 * 1. The session id is the first line, the summary the last; `--quiet` leaves one line between nothing and errors.
 * 2. `--json`: standard output is events, one a line, `pipeline.started` first, whatever stages print.
 * 3. A pipeline file is TypeScript or JavaScript, anywhere, also where the package is not installed or is another copy.
 * 4. An unfinished session of the same pipeline is said, with the very command that resumes it.
 * 5. `resume --explain` says what is reused and run, and changes nothing (I5, I8, I15).
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  copied,
  DOUBLE,
  events,
  folder,
  pipelineFile,
  rowsText,
  run,
  STUCK,
  start,
  text,
} from './command.js';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

describe('run', () => {
  test('prints the session first and the summary last', async () => {
    const cwd = folder({ 'p.ts': pipelineFile(DOUBLE), 'in.jsonl': rowsText(50) });
    const { code, stdout, stderr } = await run(['run', 'p.ts'], { cwd });
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^session [0-9a-f-]{36}$/);
    expect(lines[1]).toMatch(/^✔ words completed: 50 rows in, 50 out, 0 lost, in \S+, [\d,]+ rows\/s$/);
    expect(lines[2]).toBe(`  output  ${join(cwd, 'out.jsonl')}`);
    expect(lines).toHaveLength(3);
    expect(stderr).toMatch(/^words started, .*1 stage: double$/m);
    expect(stdout + stderr).not.toContain('\x1b');
  });

  test('--quiet: session and one line', async () => {
    const cwd = folder({ 'p.ts': pipelineFile(DOUBLE), 'in.jsonl': rowsText(50) });
    const { stdout, stderr } = await run(['run', 'p.ts', '--quiet'], { cwd });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^session \S+\n✔ words completed: [^\n]+\n$/);
  });

  test('rows that are lost: how many, the first one, where they went', async () => {
    const stage = `.pipe(defineStage({ name: 'even', onError: 'dead-letter', process: (rows: readonly Row[]) => rows }))
      .pipe(map('odd', (row: Row) => { if (row.n % 2) throw new Error('odd'); return row; }, { onError: 'dead-letter' }))`;
    const cwd = folder({ 'p.ts': pipelineFile(stage), 'in.jsonl': rowsText(50) });
    const { code, stdout } = await run(['run', 'p.ts'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(/▲ words completed: 50 rows in, 25 out, 25 lost/);
    expect(stdout).toContain(`dead letters  ${join(cwd, 'out.dead-letter.jsonl')} (25 rows)`);
    expect(stdout).toMatch(/first loss {4}odd, batch 0, row 1: .*odd/);
    expect(text(cwd, 'out.dead-letter.jsonl').trimEnd().split('\n')).toHaveLength(25);
  });

  test('--json: events and nothing else, whatever stages print', async () => {
    const stage =
      ".pipe(map('loud', (row: Row) => { console.log('log'); process.stdout.write('write\\n'); return row; }))";
    const cwd = folder({ 'p.ts': pipelineFile(stage), 'in.jsonl': rowsText(50) });
    const { code, stdout, stderr } = await run(['run', 'p.ts', '--json'], { cwd });
    expect(code).toBe(0);
    const all = events(stdout);
    expect(all[0]).toMatchObject({ type: 'pipeline.started', pipeline: 'words', resumed: false });
    expect(all[0]?.sessionId).toMatch(/^[0-9a-f-]{36}$/);
    expect(all.at(-1)).toMatchObject({ type: 'pipeline.completed', success: true, rowsIn: 50, rowsOut: 50 });
    expect(stderr).toContain('log\nwrite\n');
    expect(stderr).toMatch(/✔ words completed/);
  });

  test('--checkpoint-interval and --state-dir', async () => {
    const cwd = folder({ 'p.ts': pipelineFile(DOUBLE), 'in.jsonl': rowsText(400) });
    const commits = async (...more: string[]) => {
      const { stdout } = await run(['run', 'p.ts', '--json', '--state-dir', 'kept here', ...more], { cwd });
      return events(stdout).filter(({ type }) => type === 'batches.committed').length;
    };
    expect(await commits('--checkpoint-interval', '20')).toBeGreaterThan(
      await commits('--checkpoint-interval', '400'),
    );
    expect(readdirSync(join(cwd, 'kept here'))).toHaveLength(2);
  });

  test('a second session beside an unfinished one says so, with the command that resumes it', async () => {
    const cwd = folder({ 'p.ts': pipelineFile(STUCK), 'in.jsonl': rowsText(100) });
    const child = start(
      ['run', 'p.ts', '--json', '--checkpoint-interval', '20', '--state-dir', "it's here"],
      { cwd },
    );
    const [, id = ''] = await child.printed(/"sessionId":"([^"]+)"/);
    await child.printed(/batches\.committed/);
    child.process.kill('SIGKILL');
    await child.ended;
    const other = { cwd, env: { STUCK: 'no' } };
    const { code, stderr } = await run(['run', 'p.ts', '--state-dir', "it's here"], other);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /An unfinished session of words is stored, [1-9]\d* rows in, saved .*\. To go on with it instead: /,
    );
    const command = /instead: (.+)$/m.exec(stderr)?.[1] ?? '';
    expect(command).toContain(`resume ${id} --state-dir 'it'\\''s here'`);
    const json = events((await run(['run', 'p.ts', '--json', '--state-dir', "it's here"], other)).stdout);
    expect(json[0]?.type).toBe('pipeline.started');
    expect(json[1]).toMatchObject({ type: 'notice', sessionId: json[0]?.sessionId });
    // Neither of the two runs since has touched what the first had written.
    expect(await copied(`STUCK=no ${command}`, cwd)).toContain('completed: 100 rows in, 100 out');
    expect(text(cwd, 'out.jsonl')).toBe(rowsText(100));
  });
});

describe('a pipeline file', () => {
  const source = `import { map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
const whole = pipeline('js').from(jsonl('in.jsonl')).pipe(map('same', (row) => row)).to(jsonl('out.jsonl'));\n`;
  const commonjs = source
    .replace(/import (.*) from '(.*)';/g, "const $1 = require('$2');")
    .concat('module.exports = whole;\n');

  test.each<[string, string, Readonly<Record<string, string>>]>([
    ['TypeScript', 'p.ts', { 'p.ts': `${source}export default whole;` }],
    [
      'TypeScript with a file beside it',
      'p.mts',
      {
        'p.mts': `import { same, type Row } from './same.ts';\nimport './same.js';\n${source}const row: Row = { n: 1 }; void same(row);\nexport default whole;`,
        'same.ts':
          'export interface Row { n: number }\nexport enum Kind { A }\nexport const same = (row: Row): Row => row;',
      },
    ],
    ['JavaScript', 'p.mjs', { 'p.mjs': `${source}export default whole;` }],
    ['JavaScript that is not said to be a module', 'p.js', { 'p.js': `${source}export default whole;` }],
    [
      'JavaScript with TypeScript beside it',
      'p.mjs',
      {
        'p.mjs': `import { same } from './same.ts';\nvoid same;\n${source}export default whole;`,
        'same.ts': 'export const same = (row: { n: number }) => row;',
      },
    ],
    ['CommonJS', 'p.cjs', { 'p.cjs': commonjs }],
    ['top-level await', 'p.ts', { 'p.ts': `await Promise.resolve();\n${source}export default whole;` }],
  ])('%s, where the package is not installed', async (_, name, files) => {
    const cwd = folder({ ...files, 'in.jsonl': rowsText(3) });
    const ended = await run(['run', name], { cwd });
    expect(ended.stderr).not.toContain('error');
    expect(ended.code).toBe(0);
    expect(text(cwd, 'out.jsonl')).toBe(rowsText(3));
  });

  test.each(['p.ts', 'p.mjs'])('%s, where the package is linked', async (name) => {
    const cwd = folder({ [name]: `${source}export default whole;`, 'in.jsonl': rowsText(3) });
    mkdirSync(join(cwd, 'node_modules'));
    symlinkSync(PACKAGE, join(cwd, 'node_modules', 'xstate-pipeline'));
    expect((await run(['run', name], { cwd })).code).toBe(0);
  });

  test('made by another copy of the package, resumed and all', async () => {
    const cwd = folder({ 'p.mjs': `${source}export default whole;`, 'in.jsonl': rowsText(3) });
    const copy = join(cwd, 'node_modules', 'xstate-pipeline');
    cpSync(join(PACKAGE, 'dist'), join(copy, 'dist'), { recursive: true });
    cpSync(join(PACKAGE, 'package.json'), join(copy, 'package.json'));
    for (const name of readdirSync(join(PACKAGE, 'node_modules')).filter((entry) => !entry.startsWith('.')))
      symlinkSync(join(PACKAGE, 'node_modules', name), join(cwd, 'node_modules', name));
    expect((await run(['run', 'p.mjs'], { cwd })).code).toBe(0);
    writeFileSync(join(cwd, 'in.jsonl'), '{"n":1}\noops\n');
    const failed = await run(['run', 'p.mjs', '--quiet'], { cwd });
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/^error: .*line 2, byte 8: /);
    writeFileSync(join(cwd, 'in.jsonl'), '{"n":1}\n{"n":2}\n');
    expect((await run(['resume', 'last'], { cwd })).code).toBe(0);
    expect(text(cwd, 'out.jsonl')).toBe('{"n":1}\n{"n":2}\n');
  });

  test('inside the package itself, by its own name', async () => {
    mkdirSync(join(PACKAGE, 'out'), { recursive: true });
    const inside = mkdtempSync(join(PACKAGE, 'out', 'cli-'));
    try {
      for (const name of ['p.ts', 'p.mjs']) {
        writeFileSync(join(inside, name), `${source}export default whole;`);
        writeFileSync(join(inside, 'in.jsonl'), rowsText(3));
        expect((await run(['run', name], { cwd: inside })).code).toBe(0);
      }
    } finally {
      rmSync(inside, { recursive: true, force: true });
    }
  });
});

describe('resume --explain', () => {
  test('what is reused, what is run; nothing changes', async () => {
    const gate = `.pipe(defineStage({ name: 'double', version: '1', durable: true, concurrency: 4,
      process: async (rows: readonly Row[], { batch, signal }) => {
        if (batch.index === 2 && process.env.STUCK !== 'no') await new Promise((_, reject) => {
          const alive = setInterval(() => {}, 1000);
          signal.addEventListener('abort', () => { clearInterval(alive); reject(signal.reason); }); });
        return rows.map((row) => ({ ...row, n: row.n * 2 }));
      } }))`;
    const cwd = folder({ 'p.ts': pipelineFile(gate), 'in.jsonl': rowsText(200) });
    const child = start(['run', 'p.ts', '--json', '--checkpoint-interval', '20'], { cwd });
    const [, id = ''] = await child.printed(/"sessionId":"([^"]+)"/);
    await child.printed(/"batches\.committed","upTo":1/);
    for (const batch of [3, 4, 5])
      await child.printed(new RegExp(`"batch.completed","stage":"double","batch":${batch},`));
    child.process.kill('SIGKILL');
    await child.ended;

    const home = join(cwd, '.xstate-pipeline', id);
    const state = () => [text(home, 'checkpoint.json'), statSync(join(cwd, 'out.jsonl.part')).size];
    const before = state();
    const { code, stdout, stderr } = await run(['resume', id.slice(0, 8), '--explain'], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/reused +2 batches committed: 40 rows in, 40 out/);
    expect(stdout).toMatch(/reused +\d+ outputs of stage "double" from the journal: batch 3–\d+/);
    expect(stdout).toMatch(/run +everything from batch 2 on: [\d,]+ of [\d,]+ bytes/);
    expect(stdout).toMatch(/Nothing was run/);
    expect(state()).toEqual(before);
    const facts = JSON.parse((await run(['resume', id, '--explain', '--json'], { cwd })).stdout);
    expect(facts.committed).toEqual({ batches: 2, rowsIn: 40, rowsOut: 40 });
    const journaled: number[] = facts.journaled[0].batches;

    const ended = await run(['resume', id, '--json'], { cwd, env: { STUCK: 'no' } });
    expect(ended.code).toBe(0);
    const replayed = events(ended.stdout)
      .filter((event) => event.type === 'batch.completed' && event.replayed)
      .map((event) => event.batch);
    expect(replayed).toEqual(journaled);
    expect(events(ended.stdout)[0]).toMatchObject({ type: 'pipeline.started', resumed: true, fromBatch: 2 });
  });
});
