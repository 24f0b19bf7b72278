/**
 * Recordings with real processes: one recording over a `kill -9` and a resume. An unrecorded run is recorded from the moment
 * that an inspector connects, from any process. Commands of the inspector reach it.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type * as Entry from 'xstate-pipeline/node';
import { RecordingReader } from 'xstate-pipeline/recording';
import { DOUBLE, events, folder, pipelineFile, rowsText, run, SLOWLY, start } from './command.js';

/** The build: it starts the command line that stands beside it. */
const build: string = new URL('../../dist/src/node.js', import.meta.url).href;
const { inspectorHost } = (await import(build)) as typeof Entry;

const ROWS = 4000;

let cwd: string;
let stateDir: string;
beforeEach(() => {
  cwd = folder({ 'in.jsonl': rowsText(ROWS) });
  // A process that is started from the inspector is where that is.
  const file = pipelineFile(DOUBLE).replace(/'(\w+\.jsonl)'/g, (_, name) => JSON.stringify(join(cwd, name)));
  writeFileSync(join(cwd, 'p.ts'), file);
  stateDir = join(cwd, '.xstate-pipeline');
});

function recorded(sessionId: string): RecordingReader {
  const home = join(stateDir, sessionId, 'recording');
  const reader = new RecordingReader();
  for (const name of readdirSync(home).sort()) reader.append(readFileSync(join(home, name)));
  return reader;
}

const kindsOf = (reader: RecordingReader) =>
  reader
    .summary()
    .marks.map(({ kind }) => kind)
    .filter((kind) => kind !== 'checkpoint');

const idOf = (stdout: string) => events(stdout)[0]?.sessionId ?? '';

test('kill -9 and resume: one recording over two processes', async () => {
  const child = start(['run', 'p.ts', '--json', '--record', '--checkpoint-interval', '20'], {
    cwd,
    env: SLOWLY,
  });
  await child.printed(/"upTo":[1-9]\d/);
  const { pid } = child.process;
  child.process.kill('SIGKILL');
  const { stdout } = await child.ended;
  const id = idOf(stdout);
  const before = recorded(id).length;
  expect(before).toBeGreaterThan(10);
  // Without an option: a session with a recording is recorded further.
  expect((await run(['resume', id, '--quiet'], { cwd })).code).toBe(0);

  const reader = recorded(id);
  const begins = reader.find({ types: ['begin'] }).map(({ record }) => record);
  expect(begins).toMatchObject([
    { pid, resumed: false, epoch: 1 },
    { resumed: true, epoch: 2 },
  ]);
  expect(kindsOf(reader)).toEqual(['killed', 'restart', 'resumed', 'completed', 'end']);
  const last = reader.frameAt(reader.length - 1);
  expect(last.actors.executor?.state).toBe('COMPLETED');
  expect(last.actors.executor?.context).toMatchObject({ flushed: { rowsIn: ROWS, rowsOut: ROWS } });
});

test('a pause is in it, though the process ends right after', async () => {
  const child = start(['run', 'p.ts', '--json', '--record'], { cwd, env: SLOWLY });
  await child.printed(/batch\.completed/);
  child.process.kill('SIGINT');
  const { stdout } = await child.ended;
  expect(kindsOf(recorded(idOf(stdout)))).toEqual(['paused']);
});

test('an inspector has an unrecorded run recorded from then on, and can pause and resume it', async () => {
  const child = start(['run', 'p.ts', '--json', '--checkpoint-interval', '20'], { cwd, env: SLOWLY });
  const [line = ''] = (await child.printed(/^.*pipeline\.started.*$/m)) ?? [];
  const id = idOf(line);
  await child.printed(/batches\.committed/);
  const host = inspectorHost({ stateDir });
  expect(await host.sessions()).toMatchObject([{ id, live: true, recorded: false, state: 'EXECUTING' }]);

  const reader = new RecordingReader();
  const feed = await host.open(id);
  const until = async (isThere: () => boolean) => {
    const chunks = feed.chunks[Symbol.asyncIterator]();
    while (!isThere()) {
      const { done, value } = await chunks.next();
      if (done === true) throw new Error('the feed ended');
      reader.append(value);
    }
  };
  await until(() => reader.length > 20);
  expect(reader.frameAt(0).actors.executor?.state).toBe('EXECUTING');
  expect(await host.command(id, 'resume')).toMatchObject({ ok: false });
  expect(await host.command(id, 'pause')).toMatchObject({
    ok: true,
    message: expect.stringMatching(/^Paused: [\d,]+ rows in/),
  });
  await until(() => kindsOf(reader).includes('paused'));
  await child.ended;
  expect(await host.sessions()).toMatchObject([{ id, live: false, recorded: true, state: 'PAUSED' }]);
  expect(await host.checkpoint(id)).toMatchObject({ sessionId: id, state: 'PAUSED' });

  expect(await host.command(id, 'resume')).toMatchObject({ ok: true });
  // The same feed continues over processes.
  await until(() => kindsOf(reader).includes('completed'));
  expect(kindsOf(reader)).toContain('restart');
  feed.close();
  expect(await host.command(id, 'pause')).toMatchObject({ ok: false });
});

test('of a session that unknown recorded, there is what its checkpoint says', async () => {
  const { stdout } = await run(['run', 'p.ts', '--json'], { cwd });
  const id = idOf(stdout);
  const host = inspectorHost({ stateDir });
  const feed = await host.open(id);
  const reader = new RecordingReader();
  for await (const bytes of feed.chunks) {
    reader.append(bytes);
    feed.close();
  }
  const { pipeline, stages, definitions } = reader.summary();
  expect({ pipeline, stages }).toEqual({ pipeline: 'words', stages: ['double'] });
  expect(Object.keys(definitions)).toEqual(['executor', 'stage']);
  const { actors } = reader.frameAt(reader.length - 1);
  expect(actors.executor).toMatchObject({ state: 'COMPLETED', context: { flushed: { rowsOut: ROWS } } });
});

test('a refused resume returns its reason', async () => {
  const child = start(['run', 'p.ts', '--json'], { cwd, env: SLOWLY });
  await child.printed(/batch\.completed/);
  child.process.kill('SIGINT');
  const id = idOf((await child.ended).stdout);
  const host = inspectorHost({ stateDir });
  const file = join(cwd, 'p.ts');
  writeFileSync(file, readFileSync(file, 'utf8').replace("version: '1'", "version: '2'"));
  expect(await host.command(id, 'resume')).toEqual({
    ok: false,
    message: expect.stringMatching(
      /^The pipeline or its input has changed\. For the details, run: .* resume /,
    ),
  });
  const unknown = '11111111-2222-4333-8444-555555555555';
  expect(await host.command(unknown, 'resume')).toMatchObject({ ok: false });
  expect(await host.command('../etc', 'cancel')).toMatchObject({ ok: false });
  await expect(host.open(unknown)).rejects.toMatchObject({ code: 'CHECKPOINT_NOT_FOUND' });
});
