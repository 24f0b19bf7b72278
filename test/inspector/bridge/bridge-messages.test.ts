/**
 * Pins what viewers of another origin receive of errors: codes, and messages only where they are asked for, because a message may
 * quote rows. Charts have the names of their stages.
 */
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { defineStage } from 'xstate-pipeline';
import { serveClassic } from '../../../src/inspector/classic.js';
import { serveStately } from '../../../src/inspector/stately.js';
import { harness, type Row } from '../../support/runs.js';

const QUOTED = 'row {"name":"Ada Lovelace"} has no id';
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

function failingRun() {
  const stage = defineStage<Row, Row>({
    name: 'check',
    onError: 'skip',
    process: (rows) => {
      if (rows.some(({ n }) => n === 3)) throw new Error(QUOTED);
      return rows;
    },
  });
  const fatal = defineStage<Row, Row>({
    name: 'store',
    process: (rows) => {
      if (rows.some(({ n }) => n === 9)) throw new Error(QUOTED);
      return rows;
    },
  });
  return harness([stage, fatal], { count: 12, pipeline: { batchSize: 2 } });
}

/** All texts that a viewer receives of the whole run. */
async function received(viewer: 'classic' | 'stately', errorMessages?: boolean): Promise<string> {
  const run = failingRun();
  const options = { everyMs: 1, ...(errorMessages === undefined ? {} : { errorMessages }) };
  const { actor } = run.executor;
  const socket = await (viewer === 'classic' ? classicSocket : statelySocket)(actor, options);
  let text = '';
  socket.on('message', (data) => (text += String(data)));
  const isOver = new Promise<void>((resolve) =>
    socket.on('message', () => text.includes('FAILED') && /"stopped"|service.stop/.test(text) && resolve()),
  );
  await new Promise((resolve) => socket.once('open', resolve));
  if (viewer === 'classic') socket.send('{"type":"xstate.inspecting"}');
  await run.start().catch(() => {});
  await isOver;
  return text;
}

async function classicSocket(actor: Parameters<typeof serveClassic>[0], options: object) {
  const inspector = await serveClassic(actor, options);
  open.push(inspector);
  const server = new URL(inspector.url).searchParams.get('server') ?? '';
  return new WebSocket(server, { headers: { origin: 'https://stately.ai' } });
}

async function statelySocket(actor: Parameters<typeof serveStately>[0], options: object) {
  const inspector = await serveStately(actor, options);
  open.push(inspector);
  return new WebSocket(inspector.socketUrl, { headers: { origin: 'https://stately.ai' } });
}

test.each(['stately', 'classic'] as const)('%s: messages that may quote rows stay here', async (viewer) => {
  const text = await received(viewer);
  expect(text).not.toContain('Ada');
  expect(text).toContain('(left out)');
});

test.each(['stately', 'classic'] as const)(
  '%s: messages are sent where they are asked for',
  async (viewer) => {
    expect(await received(viewer, true)).toContain('Ada Lovelace');
  },
);

test.each(['stately', 'classic'] as const)('%s: the chart of a stage has its name', async (viewer) => {
  const text = await received(viewer);
  for (const stage of ['check', 'store'])
    expect(text.replaceAll('\\', '')).toMatch(new RegExp(`"id":"${stage}"`));
});
