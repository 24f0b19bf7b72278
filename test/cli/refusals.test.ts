/**
 * Bad input, each with one line that says what to do, the documented exit code, no stack trace and no hang (I9, I15).
 *
 * 1. Wrong usage and pipeline files that do not load: 2. A run that fails: 1.
 * 2. A pipeline or an input that has changed: 3, unless forced. No such session: 4. A corrupt checkpoint: 6.
 * 3. (Another process owns the session, 5: stop.test.ts.)
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  DOUBLE,
  events,
  expectOneLine,
  folder,
  pipelineFile,
  rowsText,
  run,
  start,
  text,
} from './command.js';

const GOOD = pipelineFile(DOUBLE);
/** Of the machine, where it lets us. */
const [MOUNT, UNMOUNT] = ['mount', 'umount'] as const;
const UNKNOWN = '00000000-0000-4000-8000-000000000000';

describe('usage: 2, and what was meant', () => {
  test.each<[string, string[], RegExp]>([
    ['an unknown option', ['run', 'p.ts', '--state-dri', 'x'], /--state-dri'\. Did you mean --state-dir\?/],
    ['an unknown command', ['rnu', 'p.ts'], /'rnu'\. Did you mean run\?/],
    ['a missing argument', ['run'], /missing required argument 'file'\. See xstate-pipeline run --help/],
    ['a missing value', ['run', 'p.ts', '--state-dir'], /argument missing/],
    ['too many arguments', ['run', 'p.ts', 'q.ts'], /too many arguments/],
    ['an interval of nothing', ['run', 'p.ts', '--checkpoint-interval', '0'], /whole number, from 1/],
    ['an interval that is no number', ['run', 'p.ts', '--checkpoint-interval', '5k'], /whole number/],
    ['no threads', ['run', 'p.ts', '--threads', '0'], /whole number, from 1/],
    ['too many threads', ['run', 'p.ts', '--threads', '65'], /a whole number from 1 to 64/],
    ['prune without an age', ['prune'], /--older-than/],
    ['an age that is none', ['prune', '--older-than', '7 days'], /7d, 12h/],
    [
      'a viewer that is none',
      ['run', 'p.ts', '--inspect=clasic'],
      /Allowed choices are page, classic, stately\./,
    ],
    ['a port that is none', ['inspect', '--port', '99999'], /a number up to 65535/],
    [
      'an address that is everybody’s',
      ['inspect', '--host', '0.0.0.0'],
      /one address of this machine, not 0\.0\.0\.0/,
    ],
    ['an export of everything', ['inspect', '--export', 'x.html'], /say which, for example last/],
    ['a recording that is not there', ['inspect', 'gone.jsonl'], /no recording gone\.jsonl/],
    ['a file that is no recording', ['inspect', 'in.jsonl'], /in\.jsonl holds no recording/],
    ['a folder without a recording', ['inspect', '.'], /holds no recording/],
  ])('%s', async (_, args, message) => {
    const ended = await run(args, { cwd: folder({ 'p.ts': GOOD, 'in.jsonl': rowsText(1) }) });
    expect(ended.code).toBe(2);
    expect(ended.stdout).toBe('');
    expectOneLine(ended, message);
  });

  test('nothing at all: the help, on standard error', async () => {
    const ended = await run([], { cwd: folder() });
    expect(ended.code).toBe(2);
    expect(ended.stdout).toBe('');
    expect(ended.stderr).toContain('Examples:');
  });
});

describe('a pipeline file that does not load: 2, and where', () => {
  const imports =
    "import { map, pipeline } from 'xstate-pipeline';\nimport { jsonl } from 'xstate-pipeline/node';\n";
  test.each<[string, string, string, RegExp]>([
    ['a syntax error', 'p.ts', `${imports}const a: = 3;\n`, /p\.ts:3:10: syntax error/],
    ['a syntax error in JavaScript', 'p.mjs', `${imports}\nconst a = = 3;\n`, /p\.mjs:4:11: syntax error/],
    [
      'a module that throws',
      'p.ts',
      `${imports}\nthrow new Error('no key');\n`,
      /p\.ts:4:7: .*threw while it was loaded: no key/,
    ],
    [
      'a module that throws, in JavaScript',
      'p.mjs',
      `\nthrow new Error('no key');\n`,
      /p\.mjs:2:7: .*no key/,
    ],
    [
      'no default export',
      'p.ts',
      `${imports}export const a = map('a', (r) => r);\n`,
      /no default export\. End it with/,
    ],
    ['a wrong default export', 'p.ts', 'export default { name: "x" };\n', /not a pipeline/],
    [
      'no sink yet',
      'p.ts',
      `${imports}export default pipeline('p').from([1]).pipe(map('a', (r) => r));\n`,
      /no sink yet: end it with \.to\(sink\)/,
    ],
    ['no source yet', 'p.ts', `${imports}export default pipeline('p');\n`, /no source yet/],
    [
      'a promise',
      'p.ts',
      'export default Promise.reject(new Error("x"));\n',
      /is a promise\. Export the pipeline itself/,
    ],
    [
      'a package that is not installed',
      'p.mjs',
      'import "nonesuch-pkg";\nexport default 1;\n',
      /imports nonesuch-pkg, which is not installed\. Install it: npm install nonesuch-pkg/,
    ],
    [
      'a file that is not there',
      'p.ts',
      'import { x } from "./nonesuch.js";\nexport default x;\n',
      /nonesuch\.js, which is not there/,
    ],
    [
      'another export than there is',
      'p.mjs',
      'import { nonesuch } from "node:fs";\nexport default nonesuch;\n',
      /p\.mjs:1: .*nonesuch/,
    ],
    [
      'two stages of one name',
      'p.ts',
      `${imports}const a = map('same', (r) => r);\nexport default pipeline('p').from([1]).pipe(a).pipe(a).to(jsonl('o.jsonl'));\n`,
      /p\.ts:4:\d+: Two stages are named "same"/,
    ],
    [
      'an option out of range',
      'p.ts',
      `${imports}export default pipeline('p', { batchSize: 0 }).from([1]).to(jsonl('o.jsonl'));\n`,
      /batchSize must be a whole number/,
    ],
    ['another kind of file', 'p.json', '{}', /has to end in \.ts/],
  ])('%s', async (_, name, source, message) => {
    const ended = await run(['run', name], { cwd: folder({ [name]: source }) });
    expect(ended.code).toBe(2);
    expect(ended.stdout).toBe('');
    expectOneLine(ended, message);
  });

  test('not there, or a directory', async () => {
    const cwd = folder();
    mkdirSync(join(cwd, 'dir.ts'));
    for (const [name, message] of [
      ['none.ts', 'there is no such file'],
      ['dir.ts', 'it is a directory'],
    ] as const) {
      const ended = await run(['run', name], { cwd });
      expect(ended.code).toBe(2);
      expectOneLine(ended, name, message);
    }
  });

  test('under --json nothing is on standard output, and --verbose shows the stack', async () => {
    const cwd = folder({ 'p.ts': `${imports}throw new Error('no key');` });
    const json = await run(['run', 'p.ts', '--json'], { cwd });
    expect(json).toMatchObject({ code: 2, stdout: '' });
    expectOneLine(json, /no key/);
    for (const verbose of [
      await run(['run', 'p.ts', '--verbose'], { cwd }),
      await run(['run', 'p.ts'], { cwd, env: { DEBUG: '1' } }),
    ]) {
      expect(verbose.code).toBe(2);
      expect(verbose.stderr).toMatch(/^\s+at .*p\.ts:3/m);
    }
  });
});

describe('input and output', () => {
  test.each<[string, (cwd: string) => void, number, RegExp]>([
    ['no input file', () => {}, 1, /Cannot open .*in\.jsonl: there is no such file/],
    ['a directory as input', (cwd) => mkdirSync(join(cwd, 'in.jsonl')), 1, /in\.jsonl: it is a directory/],
  ])('%s', async (_, prepare, code, message) => {
    const cwd = folder({ 'p.ts': GOOD });
    prepare(cwd);
    const ended = await run(['run', 'p.ts', '--quiet'], { cwd });
    expect(ended.code).toBe(code);
    expectOneLine(ended, message);
    expect(ended.stdout).toBe('');
    expect((await run(['sessions'], { cwd })).stdout).toMatch(/^No sessions in/);
  });

  test('an empty file is no failure', async () => {
    const cwd = folder({ 'p.ts': GOOD, 'in.jsonl': '' });
    const ended = await run(['run', 'p.ts', '--quiet'], { cwd });
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('0 rows in, 0 out');
    expect(text(cwd, 'out.jsonl')).toBe('');
  });

  test('a last line without its end counts', async () => {
    const cwd = folder({ 'p.ts': GOOD, 'in.jsonl': rowsText(3).trimEnd() });
    const ended = await run(['run', 'p.ts', '--quiet'], { cwd });
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('3 rows in, 3 out');
  });

  test('a malformed line: file, line and byte; mended, the session goes on', async () => {
    const good = rowsText(41);
    const cwd = folder({ 'p.ts': GOOD, 'in.jsonl': `${good}{"n": oops}\n${rowsText(5, 42)}` });
    const ended = await run(['run', 'p.ts', '--quiet', '--checkpoint-interval', '20'], { cwd });
    expect(ended.code).toBe(1);
    expectOneLine(ended, new RegExp(`in\\.jsonl, line 42, byte ${good.length}: `));
    expect(ended.stderr).not.toContain('oops');
    writeFileSync(join(cwd, 'in.jsonl'), rowsText(47));
    const again = await run(['resume', 'last'], { cwd });
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('47 rows in, 47 out');
  });

  test('a stage that throws: which stage, which batch, where in the file', async () => {
    const stage =
      ".pipe(map('strict', (row: Row) => { if (row.n === 30) throw new TypeError('bad n'); return row; }))";
    const cwd = folder({ 'p.ts': pipelineFile(stage), 'in.jsonl': rowsText(60) });
    const ended = await run(['run', 'p.ts', '--quiet'], { cwd });
    expect(ended.code).toBe(1);
    expectOneLine(ended, /^error: Stage "strict", batch 1 .*row 10: bad n\. \(p\.ts:\d+:\d+\)$/);
    expect(ended.stdout).toMatch(/failed: .* are saved/);
  });

  test('every row lost: 1, and nothing is published over the earlier result', async () => {
    const stage =
      ".pipe(defineStage({ name: 'never', onError: 'skip', process: (): Row[] => { throw new Error('down'); } }))";
    const cwd = folder({ 'p.ts': pipelineFile(stage), 'in.jsonl': rowsText(60), 'out.jsonl': 'earlier\n' });
    const ended = await run(['run', 'p.ts', '--quiet'], { cwd });
    expect(ended.code).toBe(1);
    expectOneLine(ended, /60 rows were lost/);
    expect(text(cwd, 'out.jsonl')).toBe('earlier\n');
  });

  test('a file size limit is met in the middle: 1, and after it is lifted the session goes on', async () => {
    const cwd = folder({
      'p.ts': pipelineFile(".pipe(map('same', (row: Row) => row))"),
      'in.jsonl': rowsText(20_000),
    });
    const ended = await run(['run', 'p.ts', '--quiet'], { cwd, shell: 'ulimit -f 256; exec "$@"' });
    expect(ended.code).toBe(1);
    expectOneLine(ended, /out\.jsonl\.part: .*too large/);
    expect((await run(['resume', 'last'], { cwd })).code).toBe(0);
    expect(text(cwd, 'out.jsonl').split('\n')).toHaveLength(20_001);
  });

  const disk = folder();
  const canMount = tries(MOUNT, ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]) && tries(UNMOUNT, [disk]);
  test.runIf(canMount)('a full disk: 1, make room; room was made: the session goes on', async () => {
    const cwd = folder({
      'in.jsonl': rowsText(20_000),
      'p.ts': GOOD.replace("'out.jsonl'", "'disk/out.jsonl'"),
    });
    mkdirSync(join(cwd, 'disk'));
    execFileSync(MOUNT, ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', join(cwd, 'disk')]);
    try {
      const ended = await run(['run', 'p.ts', '--quiet'], { cwd });
      expect(ended.code).toBe(1);
      expectOneLine(ended, /out\.jsonl\.part: the disk is full; make room and resume/);
      execFileSync(MOUNT, ['-o', 'remount,size=8m', join(cwd, 'disk')]);
      const again = await run(['resume', 'last'], { cwd });
      expect(again.code).toBe(0);
      expect(text(cwd, 'disk', 'out.jsonl').split('\n')).toHaveLength(20_001);
    } finally {
      execFileSync(UNMOUNT, [join(cwd, 'disk')]);
    }
  });
});

describe('the state directory', () => {
  test.each<[string, string[]]>([
    ['run', ['run', 'p.ts']],
    ['resume', ['resume', 'last']],
    ['sessions', ['sessions']],
    ['show', ['show', UNKNOWN]],
    ['prune', ['prune', '--older-than', '7d']],
  ])('is a file, or a symlink: %s refuses with 2', async (_, args) => {
    const cwd = folder({ 'p.ts': GOOD, 'in.jsonl': rowsText(3), file: '' });
    symlinkSync('.', join(cwd, 'link'));
    for (const [name, message] of [
      ['file', 'not a directory'],
      ['link', 'a symlink'],
    ] as const) {
      const ended = await run([...args, '--state-dir', name], { cwd });
      expect(ended.code).toBe(2);
      expectOneLine(ended, `${name} is ${message}`, 'choose another state directory');
    }
  });

  test('is below a file', async () => {
    const cwd = folder({ 'p.ts': GOOD, 'in.jsonl': rowsText(3), file: '' });
    const ended = await run(['run', 'p.ts', '--state-dir', 'file/state'], { cwd });
    expect(ended.code).toBe(2);
    expectOneLine(ended, /not a directory; choose another/);
  });
});

describe('sessions', () => {
  test.each(['resume', 'show', 'pause', 'cancel', 'status'])(
    '%s of a session that is not there: 4',
    async (command) => {
      const cwd = folder();
      for (const id of [UNKNOWN, 'last', '../../etc']) {
        const ended = await run([command, id], { cwd });
        expect(ended.code, id).toBe(4);
        expectOneLine(ended, /No session .*xstate-pipeline sessions/);
      }
    },
  );

  /** A session that was paused in the middle; its id. */
  async function paused(cwd: string): Promise<string> {
    const child = start(['run', 'p.ts', '--json', '--checkpoint-interval', '20'], {
      cwd,
      env: { BATCH_MS: '5' },
    });
    await child.printed(/batches\.committed/);
    child.process.kill('SIGINT');
    const { stdout } = await child.ended;
    expect(events(stdout).at(-1)?.type).toBe('pipeline.paused');
    return events(stdout)[0]?.sessionId ?? '';
  }
  const project = () => folder({ 'p.ts': GOOD, 'in.jsonl': rowsText(4000) });

  test.each<[string, (cwd: string) => void, RegExp]>([
    [
      'a stage of another version',
      (cwd) => writeFileSync(join(cwd, 'p.ts'), GOOD.replace("version: '1'", "version: '2'")),
      /stage "double" was version 1 and is 2/,
    ],
    [
      'one more stage',
      (cwd) => writeFileSync(join(cwd, 'p.ts'), pipelineFile(`${DOUBLE}.pipe(map('more', (row) => row))`)),
      /stage 2 "more" was added/,
    ],
    [
      'other rows before the position',
      (cwd) => writeFileSync(join(cwd, 'in.jsonl'), rowsText(4000).replace('row 0', 'ROW 0')),
      /the input before the committed position has changed/,
    ],
    [
      'fewer rows',
      (cwd) => writeFileSync(join(cwd, 'in.jsonl'), rowsText(1)),
      /in\.jsonl has \d+ bytes, and the run had read/,
    ],
    [
      'output that is not there any more',
      (cwd) => writeFileSync(join(cwd, 'out.jsonl.part'), ''),
      /out\.jsonl\.part has 0 bytes/,
    ],
  ])('changed: %s: 3, by resume and by --explain', async (_, change, message) => {
    const cwd = project();
    const id = await paused(cwd);
    change(cwd);
    for (const more of [['--explain'], []]) {
      const ended = await run(['resume', id, ...more], { cwd });
      expect(ended.code).toBe(3);
      expectOneLine(ended, message, /Start afresh, or resume with force/);
    }
    expect((await run(['status', id], { cwd })).stdout).toContain('paused');
  });

  test('changed and forced: goes on', async () => {
    const cwd = project();
    const id = await paused(cwd);
    writeFileSync(join(cwd, 'p.ts'), GOOD.replace("version: '1'", "version: '2'"));
    const explained = await run(['resume', id, '--explain', '--force'], { cwd });
    expect(explained).toMatchObject({ code: 0, stderr: '' });
    const ended = await run(['resume', id, '--force'], { cwd });
    expect(ended.code).toBe(0);
    expect(text(cwd, 'out.jsonl').split('\n')).toHaveLength(4001);
  });

  test('corrupt: 6, and every other command goes on', async () => {
    const cwd = project();
    const id = await paused(cwd);
    const home = join(cwd, '.xstate-pipeline', id);
    for (const name of readdirSync(home).filter((file) => file.startsWith('checkpoint')))
      writeFileSync(join(home, name), '{"format":1,"__proto__":{}}');
    for (const args of [
      ['resume', id],
      ['resume', id, '--explain'],
      ['show', id],
      ['status', id],
    ]) {
      const ended = await run(args, { cwd });
      expect(ended.code, args.join(' ')).toBe(6);
      expectOneLine(ended, /cannot be used: .*checkpoint\.json/);
    }
    expect((await run(['sessions'], { cwd })).stdout).toMatch(new RegExp(`${id} +\\? +corrupt`));
    expect((await run(['run', 'p.ts'], { cwd })).code).toBe(0);
  });

  test('the pipeline file was changed into something else, or moved: say where it is', async () => {
    const cwd = project();
    const id = await paused(cwd);
    writeFileSync(join(cwd, 'moved.ts'), GOOD);
    writeFileSync(join(cwd, 'p.ts'), 'export default 1;');
    const ended = await run(['resume', id], { cwd });
    expect(ended.code).toBe(2);
    expectOneLine(ended, /p\.ts: its default export is a value of type number/);
    expect((await run(['resume', id, 'moved.ts'], { cwd })).code).toBe(0);
  });

  test('completed already: 0, and nothing is run', async () => {
    const cwd = folder({ 'p.ts': GOOD, 'in.jsonl': rowsText(3) });
    const first = await run(['run', 'p.ts'], { cwd });
    const id = /^session (\S+)/.exec(first.stdout)?.[1] ?? '';
    for (const more of [[], ['--explain'], ['--force']]) {
      const ended = await run(['resume', id, ...more], { cwd });
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).toContain('already completed: 3 rows in, 3 out');
    }
    const json = await run(['resume', id, '--json'], { cwd });
    expect(json).toMatchObject({ code: 0, stdout: '' });
  });
});

function tries(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
