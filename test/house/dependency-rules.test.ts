/**
 * Pins: the sources keep the layers of ARCHITECTURE.md, and every rule that says so bites. Each rule has a violating
 * file below, cruised with the real configuration in a tree of its own; a rule without one fails the last tests.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);
const LAYERS = '.dependency-cruiser.cjs';
const BROWSER = '.dependency-cruiser.browser.cjs';

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
  readonly to: string;
}

/** A tree that keeps every rule, with an import of every kind that is allowed. */
const CLEAN: Readonly<Record<string, string>> = {
  'machines/executor.machine.ts': `import { setup } from 'xstate'; export const machine = setup;`,
  'machines/index.ts': `export { machine } from './executor.machine.js';`,
  'src/errors.ts': `import { machine } from '../machines/index.js'; export const failure = machine;`,
  'src/stages/stage.ts': `import { failure } from '../errors.js'; import { limiter } from '../limits/limiter.js';
    export const stage = [failure, limiter];`,
  'src/stages/map.ts': `import { stage } from './stage.js'; export const map = stage;`,
  'src/platform/clock.ts': `import { failure } from '../errors.js'; export const clock = failure;`,
  'src/formats/csv.ts': `import { parse } from 'csv-parse'; import { clock } from '../platform/clock.js';
    export const records = [parse, clock];`,
  'src/spending/spending.ts': `import { records } from '../formats/csv.js'; export const spending = records;`,
  'src/limits/limiter.ts': `import { records } from '../formats/csv.js'; export const limiter = records;`,
  'src/ai/llm.ts': `import { generateText } from 'ai'; import { map } from '../stages/map.js';
    import { limiter } from '../limits/limiter.js'; export const llm = [generateText, map, limiter];`,
  'src/web/stream.ts': `import { logger } from '../observers/logger.js'; export const stream = logger;`,
  'src/otel/spans.ts': `import { trace } from '@opentelemetry/api'; import { logger } from '../observers/logger.js';
    export const spans = [trace, logger];`,
  'src/otel.ts': `export { spans } from './otel/spans.js';`,
  'src/react/hook.ts': `import { useMemo } from 'react'; import { executor } from '../executor/executor.js';
    export const hook = [useMemo, executor];`,
  'src/react.ts': `export { hook } from './react/hook.js';`,
  'src/ai.ts': `export { llm } from './ai/llm.js';`,
  'src/sources/csv.ts': `import { records } from '../formats/csv.js'; export const csv = records;`,
  'src/sinks/sink.ts': `export const sink = 1;`,
  'src/checkpoint/files.ts': `import 'node:fs/promises'; import { Low } from 'lowdb'; export const files = Low;`,
  'src/observers/logger.ts': `import { pino } from 'pino'; export const logger = pino;`,
  'src/executor/executor.ts': `import { platform } from '#platform'; import { defaults } from '#defaults'; import { createActor } from 'xstate';
    import { map } from '../stages/map.js'; import { sink } from '../sinks/sink.js';
    export const executor = { platform, defaults, createActor, map, sink };`,
  'src/executor/rows/rows.ts': `import { plane } from './plane.js'; export const rows = plane;`,
  'src/executor/rows/plane.ts': `export const plane = 1;`,
  'src/executor/session/actions.ts': `import { rows } from '../rows/rows.js'; export const actions = rows;`,
  'src/executor/defaults.node.ts': `import { files } from '../checkpoint/files.js'; export const defaults = files;`,
  'src/executor/defaults.browser.ts': `export const defaults = 1;`,
  'src/history/replay.ts': `import 'xstate'; import { executor } from '../executor/executor.js'; export const replay = executor;`,
  'src/sessions/owner.ts': `import { replay } from '../history/replay.js'; export const owner = replay;`,
  'src/platform/platform.node.ts': `import 'node:fs/promises'; export const platform = 1;`,
  'src/platform/platform.browser.ts': `import type { Stats } from 'node:fs'; export const platform = (s: Stats) => s;`,
  'src/testing/crash.ts': `import 'node:child_process'; export { executor } from '../executor/executor.js';`,
  'src/cli/main.ts': `import 'node:fs'; import { Command } from 'commander'; import { createJiti } from 'jiti';
    import { executor } from '../index.js'; export const cli = { Command, createJiti, executor };`,
  'src/recording/format.ts': `export const format = 1;`,
  'src/inspector/protocol.ts': `export { format } from '../recording/format.js';`,
  'src/inspector/server.ts': `import 'node:http'; import { WebSocketServer } from 'ws'; import 'xstate';
    export { format } from './protocol.js'; export const server = WebSocketServer;`,
  'src/inspector/page/main.tsx': `export { format } from '../protocol.js';`,
  'src/index.ts': `export { executor } from './executor/executor.js';`,
  'src/browser.ts': `export { stage } from './stages/stage.js';`,
  'src/node.ts': `export { files } from './checkpoint/files.js'; export { csv } from './sources/csv.js';
    export { logger } from './observers/logger.js';`,
  'src/testing.ts': `export { executor } from './testing/crash.js';`,
};

/** One file to a violation, each beside the clean tree: the rule it breaks, its place, its text. */
const VIOLATIONS: readonly (readonly [rule: string, file: string, text: string])[] = [
  ['no-cycles', 'src/stages/self.ts', `import type { self as me } from './self.js'; export const self = 1;`],
  ['resolvable', 'src/stages/lost.ts', `import './nowhere.js';`],
  ['machines-import-xstate-only', 'machines/a.ts', `import type { stage } from '../src/stages/stage.js';`],
  ['machines-import-xstate-only', 'machines/b.ts', `import { of } from 'rxjs'; of();`],
  ['machines-import-xstate-only', 'machines/c.ts', `import 'node:path';`],
  [
    'errors-import-machines-only',
    'src/errors.ts',
    `import type { sink } from './sinks/sink.js'; export const failure = 1;`,
  ],
  [
    'platform-imports-nothing-of-ours',
    'src/platform/a.ts',
    `import type { records } from '../formats/csv.js';`,
  ],
  ['formats-import-platform-only', 'src/formats/b.ts', `import type { stage } from '../stages/stage.js';`],
  ['limits-below-stages', 'src/limits/up.ts', `import type { stage } from '../stages/stage.js';`],
  ['limits-below-stages', 'src/spending/sideways.ts', `import type { limiter } from '../limits/limiter.js';`],
  ['limits-for-stages', 'src/sinks/limited.ts', `import type { limiter } from '../limits/limiter.js';`],
  ['history-executes-nothing', 'src/history/c.ts', `import type { owner } from '../sessions/owner.js';`],
  ['sessions-below-the-tops', 'src/sessions/d.ts', `import type { cli } from '../cli/main.js';`],
  ['failures-are-pure', 'src/stages/failures/a.ts', `import type { stage } from '../stage.js';`],
  ['no-sideways-imports', 'src/stages/a.ts', `import { sink } from '../sinks/sink.js'; sink;`],
  ['no-sideways-imports', 'src/sources/b.ts', `import type { files } from '../checkpoint/files.js';`],
  ['no-sideways-imports', 'src/observers/c.ts', `import type { executor } from '../executor/executor.js';`],
  ['sql-keeps-contracts', 'src/sql/up.ts', `import type { executor } from '../executor/executor.js';`],
  ['parquet-keeps-contracts', 'src/parquet/up.ts', `import type { owner } from '../sessions/owner.js';`],
  [
    'parquet-in-its-room',
    'src/sinks/columns.ts',
    `import { ByteWriter } from 'hyparquet-writer'; ByteWriter;`,
  ],
  ['pages-are-a-source', 'src/pages/up.ts', `import type { executor } from '../executor/executor.js';`],
  ['executor-below-its-users', 'src/executor/up.ts', `import { cli } from '../cli/main.js'; cli;`],
  [
    'control-meets-rows-through-their-port',
    'src/executor/session/reach.ts',
    `import type { plane } from '../rows/plane.js';`,
  ],
  [
    'rows-know-no-control',
    'src/executor/rows/up.ts',
    `import type { actions } from '../session/actions.js';`,
  ],
  ['tops-apart', 'src/cli/testing.ts', `import '../testing/crash.js';`],
  [
    'entry-points-are-for-users',
    'src/testing/short-cut.ts',
    `import { executor } from '../index.js'; executor;`,
  ],
  ['inspector-reads-recordings-only', 'src/inspector/reach.ts', `import '../errors.js';`],
  [
    'inspector-is-another-package',
    'src/cli/serve.ts',
    `import type { server } from '../inspector/server.js';`,
  ],
  ['page-runs-in-a-browser', 'src/inspector/page/node.ts', `import { sep } from 'node:path'; sep;`],
  ['page-runs-in-a-browser', 'src/inspector/page/server.ts', `import type { server } from '../server.js';`],
  ['server-knows-no-page', 'src/inspector/peek.ts', `import './page/main.js';`],
  ['product-knows-no-tests', 'src/testing/knows.ts', `import '../../test/thing.js';`],
  ['no-undeclared-packages', 'src/testing/dev.ts', `import { z } from 'zod'; z;`],
  ['file-system-through-its-port', 'src/sources/disk.ts', `import { open } from 'node:fs/promises'; open;`],
  ['file-system-through-its-port', 'src/sinks/disk.ts', `import { open } from 'fs'; open;`],
  ['xstate-in-its-rooms', 'src/stages/actor.ts', `import type { Actor } from 'xstate';`],
  ['ai-is-a-stage', 'src/ai/up.ts', `import type { owner } from '../sessions/owner.js';`],
  ['ai-comes-in-through-its-entry', 'src/sessions/model.ts', `import type { llm } from '../ai/llm.js';`],
  ['web-observes', 'src/web/run.ts', `import type { executor } from '../executor/executor.js';`],
  [
    'react-comes-in-through-its-entry',
    'src/sessions/hook.ts',
    `import type { hook } from '../react/hook.js';`,
  ],
  ['otel-observes', 'src/otel/run.ts', `import type { executor } from '../executor/executor.js';`],
  [
    'otel-comes-in-through-its-entry',
    'src/sessions/spans.ts',
    `import type { spans } from '../otel/spans.js';`,
  ],
  ['otel-in-its-room', 'src/web/spans.ts', `import { trace } from '@opentelemetry/api'; trace;`],
  ['react-in-its-room', 'src/web/hook.ts', `import { useMemo } from 'react'; useMemo;`],
  ['ai-sdk-in-its-room', 'src/stages/model.ts', `import { generateText } from 'ai'; generateText;`],
  ['lowdb-in-its-room', 'src/sinks/low.ts', `import { Low } from 'lowdb'; Low;`],
  ['pino-in-its-room', 'src/executor/log.ts', `import { pino } from 'pino'; pino;`],
  ['csv-in-its-room', 'src/stages/csv.ts', `import { parse } from 'csv-parse'; parse;`],
  ['command-line-packages-in-cli', 'src/testing/command.ts', `import { Command } from 'commander'; Command;`],
];

/** Files that reach what a browser has not, each in place of its clean self: the rule, what is reached, the file, its text. */
const BROWSER_VIOLATIONS: readonly (readonly [rule: string, to: string, file: string, text: string])[] = [
  [
    'browser-reaches-no-built-in',
    'path',
    'src/stages/stage.ts',
    `import { sep } from 'node:path'; export const stage = sep;`,
  ],
  [
    'browser-reaches-no-built-in',
    'os',
    'src/platform/platform.browser.ts',
    `import 'os'; export const platform = 1;`,
  ],
  [
    'browser-reaches-no-built-in',
    'v8',
    'machines/executor.machine.ts',
    `import 'v8'; export const machine = 1;`,
  ],
  [
    'browser-reaches-no-node-entry',
    'src/platform/platform.node.ts',
    'src/index.ts',
    `import './platform/platform.node.js'; export { executor } from './executor/executor.js';`,
  ],
  ['browser-reaches-no-node-entry', 'src/node.ts', 'src/browser.ts', `export * from './node.js';`],
  [
    'browser-resolvable',
    '#nowhere',
    'src/executor/executor.ts',
    `import '#nowhere'; import '#platform'; import '#defaults'; import '../stages/map.js'; export const executor = 1;`,
  ],
];

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

async function tree(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dependency-rules-'));
  folders.push(folder);
  for (const name of [
    'package.json',
    'tsconfig.json',
    LAYERS,
    BROWSER,
    'test/house/browser-resolution.cjs',
  ]) {
    await cp(join(root, name), join(folder, name));
  }
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
  for (const [name, text] of Object.entries({ ...files, 'test/thing.ts': 'export {};' })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

/** The violations in a folder. */
async function cruise(folder: string, config: string): Promise<Violation[]> {
  const bin = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [bin, 'src', 'machines', '--config', config, '--output-type', 'json'];
  const stdout = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 1 << 28 }, (error, out, err) => {
      // It exits with the number of violations; without a report on standard output it did not run.
      if (error && out === '') reject(new Error(`dependency-cruiser: ${err}`, { cause: error }));
      else resolve(out);
    });
  });
  const { summary } = JSON.parse(stdout) as { summary: { violations: Violation[] } };
  return summary.violations;
}

const rulesOf = (config: string): string[] =>
  (require(join(root, config)) as { forbidden: { name: string }[] }).forbidden.map((rule) => rule.name);

describe('the layers', () => {
  let clean: string;
  beforeAll(async () => {
    clean = await tree(CLEAN);
  });

  test('a tree that keeps them passes', async () => {
    expect(await cruise(clean, LAYERS)).toEqual([]);
    expect(await cruise(clean, BROWSER)).toEqual([]);
  });

  test('each violation is found in its file, and nothing else is', async () => {
    const added = Object.fromEntries(VIOLATIONS.map(([, file, text]) => [file, text]));
    const found = await cruise(await tree({ ...CLEAN, ...added }), LAYERS);
    const pairs = new Set(found.map(({ rule, from }) => `${rule.name}: ${from}`));
    expect([...pairs].sort()).toEqual(VIOLATIONS.map(([rule, file]) => `${rule}: ${file}`).sort());
  });

  test('every rule has a violation here', () => {
    expect(new Set(VIOLATIONS.map(([rule]) => rule))).toEqual(new Set(rulesOf(LAYERS)));
  });
});

describe('what a browser reaches', () => {
  test('each built-in and each file for Node is found, however far away', async () => {
    const changed = Object.fromEntries(BROWSER_VIOLATIONS.map(([, , file, text]) => [file, text]));
    const found = await cruise(await tree({ ...CLEAN, ...changed }), BROWSER);
    const pairs = new Set(found.map(({ rule, to }) => `${rule.name}: ${to}`));
    for (const [rule, to] of BROWSER_VIOLATIONS) expect(pairs).toContain(`${rule}: ${to}`);
  });

  test('every rule has a violation here', () => {
    expect(new Set(BROWSER_VIOLATIONS.map(([rule]) => rule))).toEqual(new Set(rulesOf(BROWSER)));
  });
});
