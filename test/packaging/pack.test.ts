/**
 * Pins the package as a user installs it: the tarball holds what package.json promises and nothing else. In an empty project
 * it type-checks under the strictest options, runs on plain Node, and bundles for a browser without Node built-ins, within
 * its size budget.
 *
 * It packs the build in `dist` (the test command builds first).
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { type RolldownOptions, rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** Of the root entry, minified and gzipped, with its dependencies except xstate and rxjs. 86,000 measured: paid
 * work (calls, limits, spending, failures, cache) is a fifth of it; deliveries and `tee` are about 2,500. */
const SIZE_BUDGET_BYTES = Number(process.env.SIZE_BUDGET_BYTES ?? 87_500);

/** What `fold` and `distinct` add, if a page imports them. */
const KEYED_BYTES = 3_500;

/** Globals of both browsers and Node that a bare JavaScript engine lacks. No Buffer, no process, no require. */
const WEB_GLOBALS = [
  ...([
    'AbortController',
    'AbortSignal',
    'DOMException',
    'Event',
    'EventTarget',
    'TextDecoder',
    'TextEncoder',
  ] as const),
  ...([
    'URL',
    'clearInterval',
    'clearTimeout',
    'console',
    'crypto',
    'performance',
    'MessageChannel',
    'queueMicrotask',
  ] as const),
  ...(['setInterval', 'setTimeout', 'structuredClone'] as const),
];

const root = fileURLToPath(new URL('../..', import.meta.url));
const exec = promisify(execFile);

interface PackageJson {
  readonly version: string;
  readonly bin: Record<string, string>;
  readonly exports: Record<string, unknown>;
  readonly imports: Record<string, unknown>;
}

/** Every path in a tree of conditions. */
const targets = (tree: unknown): string[] =>
  typeof tree === 'string' ? [tree] : Object.values(tree as Record<string, unknown>).flatMap(targets);

let folder: string;
let project: string;
let tarball: string;
let installed: string;
let files: { readonly path: string; readonly mode: number }[];
let manifest: PackageJson;

/** The files that an import of a built file loads, itself included, and the packages that they import. */
async function loadedBy(path: string, files = new Set<string>(), packages = new Set<string>()) {
  files.add(path);
  const text = await readFile(join(installed, path), 'utf8');
  for (const [, from = ''] of text.matchAll(/^(?:import|export) (?:[^;]* from )?"([^"]+)";$/gm)) {
    if (!from.startsWith('.')) packages.add(from);
    else if (!files.has(join(dirname(path), from)))
      await loadedBy(join(dirname(path), from), files, packages);
  }
  return { files, packages };
}

/** What the compiler says about our declarations and the consumer. Those of xstate and the AI SDK do not pass
 * exactOptionalPropertyTypes. */
async function typeErrors(cwd: string): Promise<readonly string[]> {
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.', '--pretty', 'false'];
  const report = await exec(process.execPath, tsc, { cwd }).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  );
  return report.match(/^(?!\S*node_modules\/(?!xstate-pipeline\/)|\s).+$/gm) ?? [];
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'packaging-'));
  project = join(folder, 'consumer');
  installed = join(project, 'node_modules/xstate-pipeline');
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await exec('npm', pack, { cwd: root });
  // An array up to npm 11, an object by package name from npm 12 on.
  const [packed] = Object.values(
    JSON.parse(stdout) as Record<string, { filename: string; files: typeof files }>,
  );
  if (!packed) throw new Error(`npm pack reported nothing: ${stdout}`);
  tarball = join(folder, packed.filename);
  files = packed.files;
  manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as PackageJson;
  await cp(join(root, 'test/packaging/consumer'), project, { recursive: true });
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', tarball];
  await exec('npm', install, { cwd: project });
}, 180_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the tarball', () => {
  test('holds the build, the documents and the examples, no tests, no sources, no leftovers', () => {
    const paths = files.map(({ path }) => path).filter((path) => !path.startsWith('examples/'));
    const strangers = paths
      .filter(
        (path) =>
          !/^(dist\/((src|machines)\/.+\.(js|d\.ts)|chunks\/[^/]+\.js)|docs\/.+\.(md|svg|png)|package\.json|LICENSE|[A-Z]+\.md)$/.test(
            path,
          ),
      )
      .concat(paths.filter((path) => /\.test\.|(^|\/)test\//.test(path)));
    expect(strangers).toEqual([]);
    const documents = paths.filter((path) => !/^(dist|docs)\//.test(path));
    expect(documents.sort()).toEqual([
      'ARCHITECTURE.md',
      'BENCHMARKS.md',
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'package.json',
    ]);
  });

  test('holds every file and folder that its documents link to, but tests', async () => {
    const paths = files.map(({ path }) => path);
    const broken: string[] = [];
    for (const document of paths.filter((path) => /^(README|docs\/[\w-]+)\.md$/.test(path))) {
      const text = await readFile(join(installed, document), 'utf8');
      for (const [, link = ''] of text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)) {
        const target = join(dirname(document), link).replace(/\/$/, '');
        const isThere = paths.some((path) => path === target || path.startsWith(`${target}/`));
        if (!isThere && !target.startsWith('test/')) broken.push(`${document}: ${link}`);
      }
    }
    expect(broken).toEqual([]);
  });

  test('holds every file that package.json names', () => {
    const there = new Set(files.map(({ path }) => `./${path}`));
    const named = [manifest.exports, manifest.imports].flatMap(targets);
    for (const path of [...named, ...Object.values(manifest.bin).map((path) => `./${path}`)]) {
      expect(there).toContain(path);
    }
  });

  test('holds the files that the build finds relative to itself: threads and processes', async () => {
    const there = new Set(files.map(({ path }) => path));
    const found: string[] = [];
    for (const path of there) {
      if (!path.endsWith('.js')) continue;
      const text = await readFile(join(installed, path), 'utf8');
      const places =
        /new URL\("([^"]+\.js(?:on)?)", (?:new URL\("([^"]+)", import\.meta\.url\)\.href|import\.meta\.url)\)(?!\.href)/g;
      for (const [, to = '', from = '.'] of text.matchAll(places))
        found.push(new URL(to, new URL(from, `file:///${path}`)).pathname.slice(1));
    }
    expect(found).toEqual(
      expect.arrayContaining(['dist/src/cli/thread.js', 'dist/src/cli/inspectors/inspector-process.js']),
    );
    for (const path of found) expect(there).toContain(path);
  });

  test('loads few files for an entry point, and the statecharts load XState only', async () => {
    const index = await loadedBy('dist/src/index.js');
    expect(index.files.size).toBeLessThan(30);
    const machines = await loadedBy('dist/machines/index.js');
    expect([...machines.packages]).toEqual(['xstate']);
    expect(machines.files.size).toBeLessThan(6);
    // What only some inputs need is loaded when one is opened.
    const node = await loadedBy('dist/src/node.js');
    for (const name of ['csv-parse/sync', 'csv-stringify/sync', 'picomatch'])
      expect([...node.packages]).not.toContain(name);
  });

  test('has an executable command', async () => {
    for (const path of Object.values(manifest.bin)) {
      expect(await readFile(join(installed, path), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
      expect((await stat(join(installed, path))).mode & 0o111).toBe(0o111);
    }
    const command = join(project, 'node_modules/.bin/xstate-pipeline');
    expect((await exec(command, ['--version'])).stdout).toContain(manifest.version);
  });

  test('contains no path of the build machine, and no reference to a missing source map', async () => {
    const places = [root.replace(/\/$/, ''), homedir(), tmpdir()].filter((place) => place.length > 1);
    const there = new Set(files.map(({ path }) => path));
    for (const { path } of files) {
      const text = await readFile(join(installed, path), 'utf8');
      if (path.startsWith('dist/')) for (const place of places) expect(text, path).not.toContain(`${place}/`);
      for (const [, map] of text.matchAll(/^\/\/# sourceMappingURL=(.+)$/gm)) {
        expect(there, path).toContain(join(dirname(path), String(map)));
      }
    }
  });

  test('publint finds nothing', async () => {
    const { messages, pkg } = await publint({ pkgDir: installed, pack: false, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });
});

describe('in an empty project', () => {
  test('every entry point type-checks strictly and runs on plain Node', async () => {
    expect(await typeErrors(project)).toEqual([]);
    const { stdout } = await exec(process.execPath, ['consumer.js'], { cwd: project });
    const expected = [
      { id: 1, text: 'good' },
      { id: 3, text: 'bad' },
    ];
    expect(JSON.parse(stdout)).toEqual({
      memory: [true, expected],
      files: [true, expected],
      types: ['function', 'function'],
      entries: [true, true, true, true, true, true, true],
      test: [expected, 1],
    });
  });
});

describe('xstate-pipeline/ai', () => {
  test('says which package is missing, where the AI SDK is not installed', async () => {
    const importing = exec(process.execPath, ['-e', `import('xstate-pipeline/ai')`], { cwd: project });
    await expect(importing).rejects.toThrow(/Cannot find package 'ai'/);
  });

  test('type-checks strictly and runs, beside the AI SDK', async () => {
    const consumer = join(folder, 'ai-consumer');
    await cp(join(root, 'test/packaging/ai-consumer'), consumer, { recursive: true });
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    await mkdir(join(consumer, 'node_modules'));
    await cp(installed, join(consumer, 'node_modules/xstate-pipeline'), { recursive: true });
    expect(await typeErrors(consumer)).toEqual([]);
    const { stdout } = await exec(process.execPath, ['consumer.js'], { cwd: consumer });
    expect(JSON.parse(stdout)).toEqual([{ text: 'good', mood: 'good' }]);
  });
});

describe('in a browser', () => {
  /** Bundles a module of the consumer for the browser; anything that does not resolve there is an error. */
  async function bundle(options: RolldownOptions, format: 'iife' | 'es'): Promise<string> {
    const warnings: string[] = [];
    const build = await rolldown({
      cwd: project,
      platform: 'browser',
      onLog: (_, { code, message }) => warnings.push(`${code}: ${message}`),
      ...options,
    });
    const { output } = await build.generate({
      format,
      name: 'bundled',
      minify: true,
      codeSplitting: false,
    });
    await build.close();
    expect(warnings).toEqual([]);
    expect(output).toHaveLength(1);
    return output[0].code;
  }

  test('the entry points for browsers bundle without Node and run with the globals of a browser', async () => {
    const code = await bundle({ input: 'in-browser.js' }, 'iife');
    expect(code).not.toMatch(/["'`]node:/);
    const context = createContext({});
    for (const name of WEB_GLOBALS) context[name] = globalThis[name];
    const result = (await runInContext(`${code}; bundled.run()`, context)) as string;
    expect(JSON.parse(result)).toEqual({ rows: [2, 4, 6], entries: [true, true, true, true] });
  });

  // A bundler leaves out what a page does not import.
  test.each([
    ['without keyed state', ['fold', 'distinct'], 0],
    ['everything', [], KEYED_BYTES],
  ])('the root entry is within its size budget: %s', async (what, left, extra) => {
    const root = await import('xstate-pipeline');
    const names = Object.keys(root).filter((name) => !left.includes(name));
    const entry = 'everything-of-the-root-entry';
    const budget = SIZE_BUDGET_BYTES + extra;
    const options: RolldownOptions = {
      input: entry,
      external: [/^xstate(\/|$)/, /^rxjs(\/|$)/],
      plugins: [
        {
          name: entry,
          resolveId: (id) => (id === entry ? join(project, `${entry}.js`) : undefined),
          load: (id) =>
            id.endsWith(`${entry}.js`) ? `export { ${names} } from 'xstate-pipeline';` : undefined,
        },
      ],
    };
    const code = await bundle(options, 'es');
    const size = gzipSync(code).length;
    console.log(`the root entry, ${what}: ${size} bytes minified and gzipped, of ${budget}`);
    expect(size).toBeLessThanOrEqual(budget);
  });
});
