/**
 * The process that serves the page of a run (src/cli/inspectors/inspector-process.ts, src/cli/inspectors/page-server.ts), with real processes:
 *
 * 1. It is a process of its own, and ends with the run's process, also after `kill -9`.
 * 2. Signals of a terminal to its process group do not end it.
 * 3. If it crashes, the run continues, reports it in one line and ends as it would have (I11).
 */
import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { CLOSED_ENDED } from '../../src/inspector/protocol.js';
import { ViewerClient } from '../inspector/viewer-client.js';
import { hurry, project, type Running, start, text, VERY_SLOWLY } from './command.js';

const ROWS = 2000;
const ADDRESS = /^inspector {2}(\S+)$/m;

let cwd: string;
vi.setConfig({ testTimeout: 60_000 });

beforeEach(() => {
  cwd = project(ROWS);
});

/** The only process that a run begins. */
function servedBy({ process: { pid } }: Running): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  expect(children).toHaveLength(1);
  return Number(children[0]);
}

async function watched(): Promise<{ run: Running; viewer: ViewerClient; session: string }> {
  const run = start(['run', 'p.ts', '--inspect', '--quiet'], { cwd, env: VERY_SLOWLY });
  const [, url = ''] = await run.printed(ADDRESS, 'stderr');
  const viewer = await ViewerClient.welcome(url);
  const session = new URLSearchParams(new URL(url).hash.slice(1)).get('session') ?? '';
  await viewer.ask('open', { session });
  return { run, viewer, session };
}

describe.skipIf(process.platform !== 'linux')('the process that serves the page', () => {
  test('ends with a run that is killed', async () => {
    const { run, viewer } = await watched();
    await viewer.heard(({ records }) => records > 0);
    const closed = viewer.closed();
    run.process.kill('SIGKILL');
    await run.ended;
    // The page hears that nothing runs the session, and that the server has ended.
    expect(await closed).toBe(CLOSED_ENDED);
    expect(viewer.news.at(-1)).toMatchObject({ live: false });
  });

  test('leaves signals to the run, which pauses', async () => {
    const { run, viewer, session } = await watched();
    const server = servedBy(run);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(server, signal);
    expect(await viewer.ask('sessions', {})).toMatchObject([{ id: session, live: true }]);
    const closed = viewer.closed();
    process.kill(server, 'SIGINT');
    run.process.kill('SIGINT');
    await run.printed(/Paused and saved\. Resume it in the inspector/, 'stderr');
    expect(await viewer.ask('sessions', {})).toMatchObject([{ id: session, state: 'PAUSED' }]);
    run.process.kill('SIGINT');
    expect((await run.ended).code).toBe(130);
    await closed;
  });

  test('crashes, and the run continues', async () => {
    const { run, viewer } = await watched();
    const closed = viewer.closed();
    process.kill(servedBy(run), 'SIGKILL');
    await closed;
    await run.printed(/^The inspector has ended/m, 'stderr');
    hurry(cwd);
    const { code, stderr } = await run.ended;
    expect(code).toBe(0);
    expect(stderr.match(/^The inspector has ended .*$/gm)).toEqual([
      'The inspector has ended (SIGKILL). The run continues.',
    ]);
    expect(stderr.trimEnd().split('\n')).toHaveLength(2);
    expect(text(cwd, 'out.jsonl').trimEnd().split('\n')).toHaveLength(ROWS);
  });

  test('crashes while the run is paused for its page: the run ends, paused', async () => {
    const { run, viewer, session } = await watched();
    expect(await viewer.ask('command', { session, command: 'pause' })).toMatchObject({ ok: true });
    await run.printed(/Paused and saved\. Resume it in the inspector/, 'stderr');
    process.kill(servedBy(run), 'SIGKILL');
    const { code, stdout } = await run.ended;
    expect(code).toBe(130);
    expect(stdout).toMatch(/words paused/);
  });
});
