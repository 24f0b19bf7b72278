/**
 * Builds the package into `dist`: the server's entries, the page as one script and one style sheet, the types.
 *
 * 1. The entries are bundled, because they contain parts of the root package's `recording`. Packages are external.
 * 2. The page is a classic script, because a browser loads no modules from the disk.
 * 3. The published types refer to no file outside this folder.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const here = fileURLToPath(new URL('.', import.meta.url));
const at = (/** @type {string[]} */ ...parts) => join(here, ...parts);
const { resolve: find } = createRequire(import.meta.url);
const ENTRIES = ['index', 'classic', 'stately'].filter((name) => existsSync(at(`${name}.ts`)));

async function bundleEntries() {
  const build = await rolldown({
    cwd: here,
    input: Object.fromEntries(ENTRIES.map((name) => [name, at(`${name}.ts`)])),
    platform: 'node',
    external: /^[^./]/,
    onLog: refuse,
  });
  const { output } = await build.write({ dir: at('dist'), format: 'es', chunkFileNames: '[name].js' });
  await build.close();
  // Files of an earlier build go last, so that a whole build exists at any time.
  const written = output.map(({ fileName }) => fileName);
  for (const name of readdirSync(at('dist')))
    if (name.endsWith('.js') && !written.includes(name)) rmSync(at('dist', name));
}

async function bundlePage() {
  const build = await rolldown({
    cwd: here,
    input: at('page/main.tsx'),
    platform: 'browser',
    transform: { target: 'es2022' },
    onLog: refuse,
  });
  await build.write({ file: at('dist/page/page.js'), format: 'iife', minify: true, codeSplitting: false });
  await build.close();
  const styles = existsSync(at('page/style')) ? readdirSync(at('page/style')).sort() : [];
  const sheets = [
    join(dirname(find('uplot')), 'uPlot.min.css'),
    ...styles.filter((name) => name.endsWith('.css')).map((name) => at('page/style', name)),
  ];
  const css = sheets.map((sheet) => readFileSync(sheet, 'utf8')).join('\n');
  writeFileSync(at('dist/page/page.css'), css.replace(/\/\*.*?\*\//gs, '').replace(/\n\s*/g, '\n'));
}

/** @type {import('rolldown').OnLogFunction} */
function refuse(_level, { code, message }) {
  throw new Error(`${code}: ${message}`);
}

/** @returns {boolean} whether the types are right and self-contained. */
function emitTypes() {
  const types = at('dist/types');
  const compiler = spawnSync(
    process.execPath,
    [find('typescript/bin/tsc'), '-p', at('tsconfig.json'), '--pretty', 'false'],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const root = join(types, 'src/inspector');
  /** @type {Set<string>} */
  const reached = new Set();
  const visit = (/** @type {string} */ file) => {
    if (reached.has(file) || !existsSync(file)) return;
    reached.add(file);
    for (const [, to] of readFileSync(file, 'utf8').matchAll(/(?:from |import\()['"](\.[^'"]+)\.js['"]/g)) {
      visit(resolve(dirname(file), `${to}.d.ts`));
    }
  };
  for (const name of ENTRIES) visit(join(root, `${name}.d.ts`));
  const strangers = [...reached].filter((file) => !file.startsWith(root));
  for (const file of strangers)
    console.error(`a public type refers outside the package, to ${relative(types, file)}`);
  const kept = [...reached].map((file) => ({ path: relative(root, file), text: readFileSync(file, 'utf8') }));
  rmSync(types, { recursive: true, force: true });
  for (const { path, text } of kept) {
    mkdirSync(dirname(join(types, path)), { recursive: true });
    writeFileSync(join(types, path), text);
  }
  return compiler.status === 0 && strangers.length === 0;
}

await bundleEntries();
if (existsSync(at('page/main.tsx'))) await bundlePage();
if (!emitTypes()) process.exitCode = 1;
