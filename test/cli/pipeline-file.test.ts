/**
 * The pipeline file: TypeScript or JavaScript, in any folder, also without the package or with another copy of it.
 * A file that does not load: exit code 2, and one line with file, line, column and the fix.
 */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadPipelineFile } from '../../src/cli/load-pipeline-file.js';
import { unprivileged } from '../support/unprivileged.js';
import { call, expectOneLine, folder, rowsText, run, text } from './command.js';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

describe('loads', () => {
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
    ['JavaScript without "type": "module"', 'p.js', { 'p.js': `${source}export default whole;` }],
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
  ])('%s, without the package installed', async (_, name, files) => {
    const cwd = folder({ ...files, 'in.jsonl': rowsText(3) });
    const ended = await run(['run', name], { cwd });
    expect(ended.stderr).not.toContain('error');
    expect(ended.code).toBe(0);
    expect(text(cwd, 'out.jsonl')).toBe(rowsText(3));
  });

  test.each(['p.ts', 'p.mjs'])('%s, with the package linked', async (name) => {
    const cwd = folder({ [name]: `${source}export default whole;`, 'in.jsonl': rowsText(3) });
    mkdirSync(join(cwd, 'node_modules'));
    symlinkSync(PACKAGE, join(cwd, 'node_modules', 'xstate-pipeline'));
    expect((await run(['run', name], { cwd })).code).toBe(0);
  });

  test('made by another copy of the package, also for a resume', async () => {
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

  test('inside the package itself, by the name of the package', async () => {
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

describe('does not load: 2, with the place', () => {
  const imports =
    "import { map, pipeline } from 'xstate-pipeline';\nimport { jsonl } from 'xstate-pipeline/node';\n";
  test.each<[string, string, string, RegExp]>([
    ['a syntax error', 'p.ts', `${imports}const a: = 3;\n`, /p\.ts:3:10: syntax error/],
    ['a syntax error in JavaScript', 'p.mjs', `${imports}\nconst a = = 3;\n`, /p\.mjs:4:11: syntax error/],
    [
      'a module that throws',
      'p.ts',
      `${imports}\nthrow new Error('no key');\n`,
      /p\.ts:4: .*threw an error while it was loaded: no key/,
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
    [
      'a misspelt import',
      'p.ts',
      "import { mapp } from 'xstate-pipeline';\nexport default mapp;\n",
      /its default export is undefined\. Check the name/,
    ],
    ['a wrong default export', 'p.ts', 'export default { name: "x" };\n', /not a pipeline/],
    [
      'no sink',
      'p.ts',
      `${imports}export default pipeline('p').from([1]).pipe(map('a', (r) => r));\n`,
      /without a sink\. End it with \.to\(sink\)/,
    ],
    ['no source', 'p.ts', `${imports}export default pipeline('p');\n`, /without a source\. End it with/],
    [
      'a promise',
      'p.ts',
      'export default Promise.reject(new Error("x"));\n',
      /is a promise\. Export the pipeline itself/,
    ],
    [
      'a missing package',
      'p.mjs',
      'import "nonesuch-pkg";\nexport default 1;\n',
      /imports nonesuch-pkg, which is not installed\. Install it: npm install nonesuch-pkg/,
    ],
    [
      'a path alias of tsconfig.json',
      'p.ts',
      'import { x } from "@/stages";\nexport default x;\n',
      /imports @\/stages, a path alias of tsconfig\.json\. .*import a relative path/,
    ],
    [
      'a missing file',
      'p.ts',
      'import { x } from "./nonesuch.js";\nexport default x;\n',
      /nonesuch\.js, which does not exist/,
    ],
    [
      'a missing export',
      'p.mjs',
      'import { nonesuch } from "node:fs";\nexport default nonesuch;\n',
      /p\.mjs:1: .*nonesuch/,
    ],
    [
      'two stages of one name',
      'p.ts',
      `${imports}const a = map('same', (r) => r);\nexport default pipeline('p').from([1]).pipe(a).pipe(a).to(jsonl('o.jsonl'));\n`,
      /p\.ts:4: Two stages are named "same"/,
    ],
    [
      'an option out of range',
      'p.ts',
      `${imports}export default pipeline('p', { batchSize: 0 }).from([1]).to(jsonl('o.jsonl'));\n`,
      /batchSize must be a whole number/,
    ],
    ['another kind of file', 'p.json', '{}', /must end in \.ts/],
  ])('%s', async (_, name, source, message) => {
    // Errors of JavaScript are Node's own.
    const load = name.endsWith('.mjs') ? run : call;
    const ended = await load(['run', name], { cwd: folder({ [name]: source }) });
    expect(ended.code).toBe(2);
    expect(ended.stdout).toBe('');
    expectOneLine(ended, message);
  });

  test('that is missing, or is a directory', async () => {
    const cwd = folder();
    mkdirSync(join(cwd, 'dir.ts'));
    for (const [name, message] of [
      ['none.ts', 'there is no such file'],
      ['dir.ts', 'it is a directory'],
    ] as const) {
      const ended = await call(['run', name], { cwd });
      expect(ended.code).toBe(2);
      expectOneLine(ended, name, message);
    }
  });

  test('that may not be read', async () => {
    const cwd = folder({ 'p.ts': 'export default 1;' });
    chmodSync(join(cwd, 'p.ts'), 0o000);
    chmodSync(cwd, 0o755);
    await unprivileged(() =>
      expect(loadPipelineFile(join(cwd, 'p.ts'))).rejects.toThrow(/^Cannot load .*p\.ts: permission denied/),
    );
  });

  test('that ends the process while it is loaded', async () => {
    const ended = await run(['run', 'p.ts'], { cwd: folder({ 'p.ts': 'process.exit();' }) });
    expect(ended.code).toBe(2);
    expectOneLine(ended, /p\.ts ends the process while it is loaded/);
  });

  test('with nothing on standard output under --json; --verbose prints the stack', async () => {
    const cwd = folder({ 'p.ts': `${imports}throw new Error('no key');` });
    const json = await call(['run', 'p.ts', '--json'], { cwd });
    expect(json).toMatchObject({ code: 2, stdout: '' });
    expectOneLine(json, /no key/);
    for (const verbose of [
      await call(['run', 'p.ts', '--verbose'], { cwd }),
      await call(['run', 'p.ts'], { cwd, env: { DEBUG: '1' } }),
    ]) {
      expect(verbose.code).toBe(2);
      expect(verbose.stderr).toMatch(/^\s+at .*p\.ts:3/m);
    }
  });
});
