/**
 * `inspect` and `--inspect`, with real processes.
 *
 * 1. The page of a live run shows, pauses and resumes it in the same process; the result is unchanged.
 * 2. `inspect` shows what is stored, without commands by default; `--export` writes it as a file.
 * 3. With `--json` the address is on standard error alone.
 */
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ClassicViewer, type Service } from '../inspector/classic-viewer.js';
import { ViewerClient } from '../inspector/viewer-client.js';
import {
  DOUBLE,
  events,
  expectOneLine,
  folder,
  hurry,
  pipelineFile,
  rowsText,
  run,
  start,
  text,
  VERY_SLOWLY,
} from './command.js';

const ROWS = 4000;
const ADDRESS = /^inspector {2}(http:\/\/127\.0\.0\.1:\d+\/#token=[0-9a-f]{32}\S*)$/m;
const SESSION = /session=([0-9a-f-]{36})/;

let cwd: string;
vi.setConfig({ testTimeout: 90_000 });

beforeEach(() => {
  cwd = folder({ 'in.jsonl': rowsText(ROWS), 'p.ts': pipelineFile(DOUBLE) });
});

/** The state of the executor when the newest record was written. */
async function stateNow(viewer: ViewerClient, session: string): Promise<unknown> {
  const { summary } = await viewer.ask('summary', { session });
  const { actors } = await viewer.ask('frame', { session, index: summary.records - 1 });
  return actors.executor?.state;
}

/** Resolves when the recording has come to it. */
async function reaches(viewer: ViewerClient, session: string, state: string): Promise<void> {
  for (;;) {
    const later = viewer.later();
    if ((await stateNow(viewer, session)) === state) return;
    await viewer.heard(later);
  }
}

describe('run --inspect', () => {
  test('the page sees the run, pauses it and resumes it; closing the page ends the process', async () => {
    const child = start(['run', 'p.ts', '--inspect', '--json', '--checkpoint-interval', '20'], {
      cwd,
      env: VERY_SLOWLY,
    });
    const [, url = ''] = await child.printed(ADDRESS, 'stderr');
    const [, session = ''] = SESSION.exec(url) ?? [];
    const viewer = await ViewerClient.welcome(url);
    expect((await viewer.ask('open', { session })).live).toBe(true);
    expect(await viewer.ask('command', { session, command: 'pause' })).toMatchObject({ ok: true });
    await child.printed(/Paused and saved\. Resume it in the inspector/, 'stderr');
    await reaches(viewer, session, 'PAUSED');
    hurry(cwd);
    expect(await viewer.ask('command', { session, command: 'resume' })).toMatchObject({ ok: true });
    await child.printed(/"type":"pipeline\.completed"/);
    await child.printed(/runs until its page is closed/, 'stderr');
    await reaches(viewer, session, 'COMPLETED');
    const { summary } = await viewer.ask('summary', { session });
    const marks = summary.marks.map(({ kind }) => kind).filter((kind) => kind !== 'checkpoint');
    expect(marks).toEqual(expect.arrayContaining(['paused', 'resumed', 'completed']));
    viewer.socket.close();
    const ended = await child.ended;
    expect(ended.code).toBe(0);
    expect(text(cwd, 'out.jsonl').split('\n')).toHaveLength(ROWS + 1);
    expect(ended.stdout).not.toContain('token=');
    expect(events(ended.stdout)[0]).toMatchObject({ type: 'pipeline.started', sessionId: session });
  });

  test('without a page, the process ends with the run', async () => {
    const ended = await run(['run', 'p.ts', '--inspect', '--quiet'], { cwd });
    expect(ended.code).toBe(0);
    expect(ended.stderr).toMatch(ADDRESS);
  });

  test.each(['classic', 'stately'])(
    '%s prints its address, and the process ends with the run',
    async (viewer) => {
      const ended = await run(['run', 'p.ts', `--inspect=${viewer}`, '--json'], { cwd });
      expect(ended.code).toBe(0);
      expect(ended.stderr).toMatch(/^inspector {2}https?:\/\/\S+$/m);
      expect(events(ended.stdout).at(-1)?.type).toBe('pipeline.completed');
    },
  );

  test('a viewer of XState 4 pauses the run and resumes it; closing it ends the process', async () => {
    const child = start(['run', 'p.ts', '--inspect=classic', '--json'], { cwd, env: VERY_SLOWLY });
    const [, url = ''] = await child.printed(/^inspector {2}(\S+)$/m, 'stderr');
    const viewer = new ClassicViewer(url);
    const is = (value: string) => (service: Service) => service.state.value === value;
    const stands = (value: string) => viewer.until((all) => all.has('executor', is(value)));
    await stands('EXECUTING');
    const { sessionId } = viewer.service('executor');
    viewer.send(sessionId, 'pause');
    await child.printed(/"type":"pipeline\.paused"/);
    await child.printed(/Paused and saved\. Resume it in the inspector/, 'stderr');
    await stands('PAUSED');
    hurry(cwd);
    viewer.send(sessionId, 'resume');
    await child.printed(/"type":"pipeline\.completed"/);
    await stands('COMPLETED');
    viewer.close();
    expect((await child.ended).code).toBe(0);
    expect(text(cwd, 'out.jsonl').split('\n')).toHaveLength(ROWS + 1);
  });

  test('Ctrl-C while the page shows a paused run leaves it paused', async () => {
    const child = start(['run', 'p.ts', '--inspect', '--quiet'], { cwd, env: VERY_SLOWLY });
    const [, url = ''] = await child.printed(ADDRESS, 'stderr');
    const [, session = ''] = SESSION.exec(url) ?? [];
    const viewer = await ViewerClient.welcome(url);
    expect(await viewer.ask('command', { session, command: 'pause' })).toMatchObject({ ok: true });
    await child.printed(/Paused and saved/, 'stderr');
    child.process.kill('SIGINT');
    const ended = await child.ended;
    expect(ended.code).toBe(130);
    expect(ended.stdout).toMatch(/words paused: [\d,]+ rows in/);
  });
});

describe('inspect', () => {
  test('lists what is stored, shows it, and commands nothing by default', async () => {
    await run(['run', 'p.ts', '--record', '--quiet'], { cwd });
    const child = start(['inspect'], { cwd });
    const [, url = ''] = await child.printed(ADDRESS);
    const viewer = await ViewerClient.welcome(url);
    const [stored, ...others] = await viewer.ask('sessions', {});
    expect(others).toEqual([]);
    expect(stored).toMatchObject({
      pipeline: 'words',
      state: 'COMPLETED',
      live: false,
      recorded: true,
      rowsOut: ROWS,
    });
    const session = stored?.id ?? '';
    const { summary } = await viewer.ask('open', { session });
    expect(summary).toMatchObject({ sessionId: session, pipeline: 'words', stages: ['double'] });
    expect(await stateNow(viewer, session)).toBe('COMPLETED');
    expect(await viewer.ask('checkpoint', { session })).toMatchObject({ state: 'COMPLETED' });
    await expect(viewer.ask('command', { session, command: 'resume' })).rejects.toThrow('READ_ONLY');
    child.process.kill('SIGINT');
    expect((await child.ended).code).toBe(0);
  });

  test('a session without a recording is shown from its checkpoint', async () => {
    await run(['run', 'p.ts', '--quiet'], { cwd });
    const child = start(['inspect', 'last'], { cwd });
    const [, url = ''] = await child.printed(ADDRESS);
    const [, session = ''] = SESSION.exec(url) ?? [];
    const viewer = await ViewerClient.welcome(url);
    await viewer.ask('open', { session });
    expect(await stateNow(viewer, session)).toBe('COMPLETED');
    child.process.kill('SIGTERM');
    expect((await child.ended).code).toBe(0);
  });

  test('--export writes the session; a recording alone will do', async () => {
    await run(['run', 'p.ts', '--record', '--quiet'], { cwd });
    const ended = await run(['inspect', 'last', '--export', 'run.html'], { cwd });
    expect(ended.code).toBe(0);
    expect(ended.stdout).toMatch(/^run\.html: [\d,]+ records of session .+, \d+\.\d MB\./);
    const html = text(cwd, 'run.html');
    expect(html).toContain('exported-recording');
    const [, session = ''] = /session (\S+),/.exec(ended.stdout) ?? [];
    const where = join('.xstate-pipeline', session);
    for (const recording of [where, join(where, 'recording'), join(where, 'recording', '000001.jsonl')]) {
      const { code, stderr } = await run(['inspect', recording, '--export', 'again.html'], { cwd });
      expect(`${code} ${stderr}`).toBe('0 ');
      const size = (page: string) => text(cwd, page).split('exported-recording')[1]?.length;
      expect(size('again.html')).toBe(size('run.html'));
    }
    expectOneLine(
      await run(['inspect', 'last', '--export', 'no/run.html'], { cwd }),
      /Cannot write no\/run\.html \(ENOENT\)/,
    );
  });

  test('a session that is not there: 4', async () => {
    const ended = await run(['inspect', 'abcd'], { cwd });
    expect(ended.code).toBe(4);
    expectOneLine(ended, /No session "abcd"/);
  });

  test('a port that is taken: 2', async () => {
    const child = start(['inspect'], { cwd });
    const [, url = ''] = await child.printed(ADDRESS);
    const ended = await run(['inspect', '--port', new URL(url).port], { cwd });
    expect(ended.code).toBe(2);
    expectOneLine(ended, /is in use\. Choose another/);
  });
});
