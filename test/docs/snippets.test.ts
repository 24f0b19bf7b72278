/**
 * Pins: every code block of the documentation does what it shows.
 *
 * 1. TypeScript blocks are compiled and run against the build; JavaScript and shell blocks are run. A block that is not run
 *    says why (`test/docs/fixtures/README.md`).
 * 2. The README's TypeScript blocks also work together: pasted one after the other into one file, with imports merged as an
 *    editor merges them.
 */
import { execFile, execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Block, blocksOf, strangeCommands } from './markdown.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const fixtures = join(root, 'test/docs/fixtures');
const TIMEOUT_MS = 60_000;

const pages = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md']
  .concat(existsSync(join(root, 'docs')) ? readdirSync(join(root, 'docs')).map((name) => `docs/${name}`) : [])
  .filter((page) => page.endsWith('.md') && existsSync(join(root, page)));

/** A block in the folder it is run in. */
interface Laid extends Block {
  readonly folder: string;
  /** The file that Node runs, or bash. */
  readonly entry: string;
}

const scratch = mkdtempSync(join(tmpdir(), 'snippets-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The folder of packages that a reader would have after `npm install xstate-pipeline`, and the tests' own. */
function layPackages(): void {
  const modules = join(scratch, 'node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(modules, name), 'dir');
  }
  symlinkSync(root, join(modules, 'xstate-pipeline'), 'dir');
  symlinkSync(join(root, 'dist/src/cli/main.js'), join(modules, '.bin/xstate-pipeline'));
  writeFileSync(join(scratch, 'package.json'), '{ "private": true, "type": "module" }');
}

/** Writes a block and all that it needs into a folder of its own. */
function lay(block: Block, earlier: readonly Block[]): Laid {
  const name = `${block.page.replace(/\W+/g, '-')}-${block.line}`;
  const folder = join(scratch, name);
  cpSync(join(fixtures, 'common'), folder, { recursive: true });
  let after = '';
  for (const fixture of block.fixtures) {
    const from = join(fixtures, fixture);
    if (!existsSync(from)) throw new Error(`${block.page}:${block.line}: there is no fixture "${fixture}"`);
    cpSync(from, folder, { recursive: true });
    const epilogue = join(from, 'epilogue.ts');
    if (existsSync(epilogue)) after += readFileSync(epilogue, 'utf8');
  }
  rmSync(join(folder, 'epilogue.ts'), { force: true });
  for (const { file, code } of earlier) if (file !== undefined) write(join(folder, file), code);
  const entry = join(folder, block.file ?? `snippet.${block.language}`);
  // `export {}` makes a module of a block that imports nothing, so that top-level await is legal.
  const end = block.language === 'ts' ? '\nexport {};\n' : '\n';
  write(entry, `${block.code}\n${after}${end}`);
  return { ...block, folder, entry };
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Compiles all TypeScript blocks at once, beside themselves. Gives the complaints by the file that they are about. */
function compile(laid: readonly Laid[]): Map<string, string[]> {
  const complaints = new Map<string, string[]>();
  const sources = laid.filter(({ language }) => language === 'ts');
  if (sources.length === 0) return complaints;
  const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')) as {
    compilerOptions: Record<string, unknown>;
  };
  const options = {
    ...compilerOptions,
    rootDir: '.',
    outDir: '.',
    declaration: false,
    rewriteRelativeImportExtensions: true,
  };
  const lenient = { noUnusedLocals: false, noUnusedParameters: false };
  const files = sources.map(({ entry }) => relative(scratch, entry));
  write(
    join(scratch, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...options, ...lenient }, files }),
  );
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', scratch, '--pretty', 'false'];
  let report = '';
  try {
    execFileSync(process.execPath, tsc, { cwd: scratch, encoding: 'utf8' });
  } catch (error) {
    report = (error as { stdout: string }).stdout;
  }
  for (const [, file = '', line, text = ''] of report.matchAll(/^(\S.*?)\((\d+),\d+\): (.*(?:\n\s+.*)*)/gm)) {
    const block = sources.find(({ entry }) => relative(scratch, entry) === file);
    const place = block ? `${block.page}:${block.line + Number(line) - 1}` : file;
    const key = block?.entry ?? '';
    complaints.set(key, [...(complaints.get(key) ?? []), `${place}: ${text}`]);
  }
  if (report !== '' && complaints.size === 0) complaints.set('', [report]);
  return complaints;
}

/** Runs a block as its reader would; rejects with all that it printed if it fails. */
function run({ folder, entry, language, page, line }: Laid): Promise<string> {
  const { NODE_OPTIONS: _, VITEST: __, NODE_ENV: ___, ...inherited } = process.env;
  const path = `${join(scratch, 'node_modules/.bin')}:${process.env.PATH}`;
  const env = { ...inherited, PATH: path, NO_COLOR: '1', npm_config_offline: 'true' };
  const [command, args] =
    language === 'sh'
      ? ['bash', ['-euo', 'pipefail', entry]]
      : [process.execPath, [entry.replace(/\.ts$/, '.js')]];
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      { cwd: folder, env, timeout: TIMEOUT_MS },
      (error, stdout, stderr) => {
        const isDetached = /An observer failed/.test(stderr);
        if (!error && !isDetached) resolve(stdout);
        else reject(new Error(`${page}:${line} ${error?.killed ? 'hangs' : 'fails'}:\n${stdout}${stderr}`));
      },
    );
    child.stdin?.end();
  });
}

/** The TypeScript blocks of a page in one, as a reader pastes them: imports of one module are merged, each name once. */
function pasted(page: string, blocks: readonly Block[]): Block {
  const imports = new Map<string, Set<string>>();
  const codes = blocks
    .filter(({ language, notRun }) => language === 'ts' && notRun === undefined)
    .map(({ code }) =>
      code.replace(/^import \{ (.*) \} from '(.*)';\n/gm, (_, names: string, from: string) => {
        const known = imports.get(from) ?? new Set();
        for (const name of names.split(', ')) known.add(name);
        imports.set(from, known);
        return '';
      }),
    );
  const merged = [...imports].map(([from, names]) => `import { ${[...names].join(', ')} } from '${from}';`);
  const code = [...merged, ...codes].join('\n');
  return { page, line: 0, language: 'ts', code, fixtures: [], file: 'pasted.ts', notRun: undefined };
}

const blocks = pages.map((page) => blocksOf(page, readFileSync(join(root, page), 'utf8')));
const together = pasted('README.md', blocks[pages.indexOf('README.md')] ?? []);
const laid = new Map<Block, Laid>();
let complaints: Map<string, string[]>;

beforeAll(() => {
  layPackages();
  for (const page of blocks) {
    for (const [index, block] of page.entries()) {
      if (block.notRun === undefined) laid.set(block, lay(block, page.slice(0, index)));
    }
  }
  laid.set(together, lay(together, []));
  complaints = compile([...laid.values()]);
}, 120_000);

test('there is a README, and it shows code that runs', () => {
  const readme = blocks[pages.indexOf('README.md')] ?? [];
  expect(readme.filter(({ notRun }) => notRun === undefined).length).toBeGreaterThan(0);
});

test('the TypeScript blocks of the README work together, in one file', {
  timeout: TIMEOUT_MS + 5_000,
}, async () => {
  const ready = laid.get(together);
  if (!ready) throw new Error('the blocks were not written');
  expect(complaints.get(ready.entry) ?? []).toEqual([]);
  expect(await run(ready)).toContain('pipeline.completed');
});

test('the compiler complains of nothing but blocks', () => {
  expect(complaints.get('') ?? []).toEqual([]);
});

for (const [index, page] of pages.entries()) {
  describe.runIf(blocks[index]?.length)(page, () => {
    for (const block of blocks[index] ?? []) {
      const name = `line ${block.line}, ${block.language}${block.file ? `, ${basename(block.file)}` : ''}`;
      if (block.notRun !== undefined) {
        test.skip(`${name}: not run: ${block.notRun}`, () => {});
        continue;
      }
      test(name, { timeout: TIMEOUT_MS + 5_000 }, async () => {
        const ready = laid.get(block);
        if (!ready) throw new Error('the block was not laid out');
        if (block.language === 'sh')
          expect(strangeCommands(block.code), 'commands to opt out of').toEqual([]);
        expect(complaints.get(ready.entry) ?? []).toEqual([]);
        await run(ready);
      });
    }
  });
}
