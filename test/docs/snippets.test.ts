/**
 * Pins: every code block of the documentation does what it shows. TypeScript is type-checked and run against the build,
 * JavaScript and shell blocks are run; a block that is not run says why (test/docs/fixtures/README.md tells how).
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
  /** Lines that the fixtures put before the block's own. */
  readonly offset: number;
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
  let before = '';
  let after = '';
  for (const fixture of block.fixtures) {
    const from = join(fixtures, fixture);
    if (!existsSync(from)) throw new Error(`${block.page}:${block.line}: there is no fixture "${fixture}"`);
    cpSync(from, folder, { recursive: true });
    const read = (file: string) =>
      existsSync(join(from, file)) ? readFileSync(join(from, file), 'utf8') : '';
    before += read('preamble.ts');
    after += read('epilogue.ts');
  }
  for (const leftover of ['preamble.ts', 'epilogue.ts']) rmSync(join(folder, leftover), { force: true });
  for (const { file, code } of earlier) if (file !== undefined) write(join(folder, file), code);
  const entry = join(folder, block.file ?? `snippet.${block.language}`);
  // `export {}` makes a module of a block that imports nothing, so that top-level await is legal.
  const end = block.language === 'ts' ? '\nexport {};\n' : '\n';
  write(entry, `${before}${block.code}\n${after}${end}`);
  return { ...block, folder, entry, offset: before.split('\n').length - 1 };
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
  const options = { ...compilerOptions, rootDir: '.', outDir: '.', declaration: false };
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
    const place = block ? `${block.page}:${block.line + Number(line) - 1 - block.offset}` : file;
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

const blocks = pages.map((page) => blocksOf(page, readFileSync(join(root, page), 'utf8')));
const laid = new Map<Block, Laid>();
let complaints: Map<string, string[]>;

beforeAll(() => {
  layPackages();
  for (const page of blocks) {
    for (const [index, block] of page.entries()) {
      if (block.notRun === undefined) laid.set(block, lay(block, page.slice(0, index)));
    }
  }
  complaints = compile([...laid.values()]);
}, 120_000);

test('there is a README, and it shows code that runs', () => {
  const readme = blocks[pages.indexOf('README.md')] ?? [];
  expect(readme.filter(({ notRun }) => notRun === undefined).length).toBeGreaterThan(0);
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
