/**
 * Pins the inspector's package as a user installs it. Without it, the command says how to install it. Beside the main package,
 * npm keeps the two XStates apart, the types fit, and a session can be recorded, exported and inspected.
 *
 * It packs the builds in the `dist` folders (the test command builds first).
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const exec = promisify(execFile);
const NAME = '@xstate-pipeline/inspector';

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let project: string;
let installed: string;
let files: string[];
/** The output of `inspect` without the package. */
let without: { readonly code: unknown; readonly stderr: string };

const inProject = (command: string, ...args: readonly string[]) => exec(command, args, { cwd: project });
const command = (...args: readonly string[]) => inProject('node_modules/.bin/xstate-pipeline', ...args);

async function packed(...args: readonly string[]): Promise<Packed> {
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder, ...args];
  const { stdout } = await exec('npm', pack, { cwd: root });
  // An array up to npm 11, an object by package name from npm 12 on.
  const [made] = Object.values(JSON.parse(stdout) as Record<string, Packed>);
  if (!made) throw new Error(`npm pack reported nothing: ${stdout}`);
  return made;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'packaging-inspector-'));
  project = join(folder, 'consumer');
  installed = join(project, 'node_modules', NAME);
  const [own, inspector] = [await packed(), await packed('--workspace', NAME)];
  files = inspector.files.map(({ path }) => path);
  await cp(join(root, 'test/packaging/consumer'), project, { recursive: true });
  await cp(join(root, 'test/packaging/inspector-consumer'), project, { recursive: true });
  const compiler = JSON.parse(await readFile(join(project, 'tsconfig.json'), 'utf8'));
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ ...compiler, files: ['watch.ts'] }));
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await inProject('npm', ...install, join(folder, own.filename));
  without = await command('inspect').then(
    () => ({ code: 0, stderr: '' }),
    ({ code, stderr }: { code: unknown; stderr: string }) => ({ code, stderr }),
  );
  await inProject('npm', ...install, join(folder, inspector.filename));
}, 300_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

test('without it, the command says how to install it', () => {
  expect(without).toEqual({
    code: 2,
    stderr: `error: The inspector is a package of its own and is not installed: npm install ${NAME}.\n`,
  });
});

test('its tarball holds the build and the documents, and no path of the build machine', async () => {
  const isOurs =
    /^(dist\/(page\/page\.(js|css)|types\/.+\.d\.ts|[\w-]+\.js)|package\.json|README\.md|LICENSE)$/;
  expect(files.filter((path) => !isOurs.test(path))).toEqual([]);
  expect(files).toEqual(
    expect.arrayContaining(['dist/page/page.js', 'dist/page/page.css', 'README.md', 'LICENSE']),
  );
  const places = [root.replace(/\/$/, ''), homedir(), tmpdir()].filter((place) => place.length > 1);
  for (const path of files) {
    const text = await readFile(join(installed, path), 'utf8');
    if (path.startsWith('dist/')) for (const place of places) expect(text, path).not.toContain(`${place}/`);
  }
});

test('publint finds nothing', async () => {
  const { messages, pkg } = await publint({ pkgDir: installed, pack: false, strict: true });
  expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
});

test('npm installs two XStates beside the main package, and one copy of @xstate/inspect', async () => {
  const versionOf = async (path: string) =>
    (
      JSON.parse(await readFile(join(project, 'node_modules', path, 'package.json'), 'utf8')) as {
        version: string;
      }
    ).version;
  expect(await versionOf('xstate')).toMatch(/^5\./);
  expect(await versionOf(`${NAME}/node_modules/xstate`)).toBe('4.38.3');
  expect((await inProject('npm', 'ls', '@xstate/inspect')).stdout).toContain('@xstate/inspect@0.8.0');
});

test('a session is recorded, exported and inspected; types fit strictly', async () => {
  await command('run', 'pipeline.js', '--record', '--quiet');
  expect((await command('inspect', 'last', '--export', 'run.html')).stdout).toMatch(
    /^run\.html: \d+ records/,
  );
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.', '--pretty', 'false'];
  const report = await inProject(process.execPath, ...tsc).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  );
  // xstate's own declarations do not pass exactOptionalPropertyTypes; ours and the consumer's must.
  expect(report.match(/^(?!node_modules\/(?!xstate-pipeline\/|@xstate-pipeline\/)|\s).+$/gm) ?? []).toEqual(
    [],
  );
  const { stdout } = await inProject(process.execPath, 'watch.js');
  expect(JSON.parse(stdout)).toEqual([200, true, ['https:', 'http:']]);
});
