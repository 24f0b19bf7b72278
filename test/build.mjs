/**
 * Builds the package into `dist`: types with tsc, a file a module; code with rolldown, few files an entry.
 *
 * 1. Own modules are bundled. Node resolves, reads and compiles each file separately: 150 files took a fifth of the command
 *    line's time to its first batch. `dist/chunks` holds what several entries share, once, so that a class is the same
 *    object from every entry. Dynamic imports stay dynamic.
 * 2. Packages are external: they are the user's own copies.
 * 3. An entry has the path of its source, and `import.meta.url` is the module's path, not its chunk's. Therefore
 *    `new URL('./entry.js', import.meta.url)` means the same in the sources and in the build.
 * 4. A build is present at every moment: files of an earlier build are removed last.
 */
import { spawn } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, posix, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { parseSync, Visitor } from 'rolldown/utils';

/** Every file that is started or imported by its name, from outside of the build or at run time. */
const ENTRIES = [
  // package.json: exports, imports, bin.
  ...['src/index', 'src/node', 'src/browser', 'src/testing', 'machines/index'],
  ...[
    'src/recording',
    'src/storage',
    'src/sql',
    'src/ai',
    'src/pages',
    'src/parquet',
    'src/web',
    'src/react',
    'src/otel',
  ],
  ...['src/platform/platform.node', 'src/platform/platform.browser'],
  ...['src/executor/defaults.node', 'src/executor/defaults.browser'],
  ...['src/platform/sha256.node', 'src/platform/sha256.browser'],
  'src/cli/main',
  // Processes and threads of their own.
  ...['src/cli/inspectors/inspector-process', 'src/cli/thread'],
  // Imported in the processes that `crashTest` starts.
  ...['src/testing/crash/preload', 'src/testing/crash/watched'],
];

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

/** @returns {Promise<string[]>} the files that were written. */
async function bundle() {
  const build = await rolldown({
    cwd: root,
    input: Object.fromEntries(ENTRIES.map((name) => [name, `${name}.ts`])),
    platform: 'node',
    // The default where chunks are named; test/packaging compares what the entries export.
    preserveEntrySignatures: 'allow-extension',
    external: /^[^./]/,
    plugins: [ownPlaces],
    onLog(_level, { code, message }) {
      throw new Error(`${code}: ${message}`);
    },
  });
  const { output } = await build.write({
    ...{ dir: dist, format: 'es', chunkFileNames: 'chunks/[name].js' },
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [{ debugName: 'chunkOf', name: chunkOf }],
    },
  });
  await build.close();
  return output.map(({ fileName }) => join(dist, fileName));
}

/**
 * Chunks, in order: what the modules `of` need at once, and no chunk before has. `and`: only if that one needs it as well. None
 * imports a later one, also not by way of `#platform` and `#defaults`; those in which the root entry is have no Node built-in.
 * @type {readonly { readonly name: string, readonly of: readonly string[], readonly and?: string }[]}
 */
const CHUNKS = [
  { name: 'basics', of: ['src/platform/platform.node', 'src/cli/main'], and: 'src/index' },
  { name: 'problems', of: ['src/cli/main'], and: 'src/executor/defaults.node' },
  { name: 'machines', of: ['machines/index'] },
  { name: 'file-system', of: ['src/platform/platform.node'] },
  { name: 'storage', of: ['src/executor/defaults.node'], and: 'src/index' },
  { name: 'stores', of: ['src/executor/defaults.node'] },
  { name: 'core', of: ['src/index'] },
  { name: 'files', of: ['src/node'] },
  { name: 'command-line', of: ['src/cli/main'] },
  { name: 'run', of: ['src/cli/commands/run'] },
];
const moduleFile = (/** @type {string} */ name) => join(root, `${name}.ts`);

/** @typedef {{ readonly importedIds: readonly string[], readonly dynamicImporters: readonly string[] }} Imports */
/** @typedef {{ getModuleInfo(id: string): Imports | null }} Graph */
/** @type {Map<string, Set<string>>} */
const needs = new Map();

/** What a module imports at once, itself included. @param {string} name @param {Graph} graph */
function needsOf(name, graph) {
  const known = needs.get(name);
  if (known !== undefined) return known;
  const needed = new Set([moduleFile(name)]);
  // The set grows while it is visited.
  for (const id of needed) for (const next of graph.getModuleInfo(id)?.importedIds ?? []) needed.add(next);
  needs.set(name, needed);
  return needed;
}

/** @param {string} id @param {Graph} graph */
function chunkOf(id, graph) {
  if (ENTRIES.some((name) => moduleFile(name) === id)) return null;
  // What is imported on demand has a chunk of its own.
  if ((graph.getModuleInfo(id)?.dynamicImporters.length ?? 0) > 0) return null;
  const chunk = CHUNKS.find(
    ({ of, and }) =>
      of.some((name) => needsOf(name, graph).has(id)) && (and === undefined || needsOf(and, graph).has(id)),
  );
  return chunk?.name ?? null;
}

const HERE = 'import.meta.url';

/** @type {import('rolldown').Plugin} Invariant 3: each module's place is noted, and written out from where its chunk came to be. */
const ownPlaces = {
  name: 'own-places',
  transform(code, id) {
    if (!code.includes(HERE)) return null;
    /** @type {number[]} */
    const found = [];
    const visitor = new Visitor({
      MemberExpression({ start, end }) {
        if (code.slice(start, end) === HERE) found.push(start);
      },
    });
    visitor.visit(parseSync(id, code).program);
    const place = relative(root, id).replaceAll(sep, '/').replace(/\.ts$/, '.js');
    return found.reduceRight(
      (text, start) => `${text.slice(0, start)}"own-place:${place}"${text.slice(start + HERE.length)}`,
      code,
    );
  },
  renderChunk(code, { fileName }) {
    return code.replace(/"own-place:(.+?)"/g, (_, /** @type {string} */ place) => {
      if (place === fileName) return HERE;
      return `new URL("${posix.relative(posix.dirname(fileName), place)}", ${HERE}).href`;
    });
  },
};

/** @returns {Promise<string[]>} the files that were written. */
function emitTypes() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const words = [tsc, '-p', 'tsconfig.json', '--emitDeclarationOnly', '--listEmittedFiles'];
  const compiler = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  compiler.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  return new Promise((done, fail) => {
    compiler.on('error', fail);
    compiler.on('close', (code) => {
      if (code !== 0) fail(new Error(output.replace(/^TSFILE: .+\n?/gm, '')));
      else done([...output.matchAll(/^TSFILE: (.+)$/gm)].map(([, file]) => resolve(String(file))));
    });
  });
}

const written = new Set((await Promise.all([bundle(), emitTypes()])).flat());
for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  const file = resolve(entry.parentPath, entry.name);
  if (entry.isFile() && !written.has(file)) rmSync(file);
}
const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
for (const file of Object.values(bin)) chmodSync(join(root, file), 0o755);
