/**
 * Pins the inspector of any XState 5 app:
 *
 * 1. Compound and parallel states are drawn inside one another, and all active ones are lit.
 * 2. Actors at any depth have charts, contexts and messages with their senders; time travel and export work.
 * 3. It never throws into the app, whatever contexts hold.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { assign, createActor, sendTo, setup } from 'xstate';
import { type AppInspector, createInspector } from '../../../src/inspector/app/create-inspector.js';
import { layoutChart } from '../../../src/inspector/layout.js';
import { describeMachine, type Machine } from '../../../src/recording/definition.js';
import { hasChromium, launchChromium } from '../../support/chromium.js';
import { complaintsOf } from '../page/looks.js';
import { ViewerClient } from '../viewer-client.js';

const lamp = setup({}).createMachine({
  id: 'lamp',
  initial: 'off',
  states: { off: { on: { toggle: 'on' } }, on: { on: { toggle: 'off' } } },
});

const player = setup({
  types: { context: {} as { plays: number; odd: unknown } },
  actors: { lamp },
}).createMachine({
  id: 'player',
  type: 'parallel',
  context: { plays: 0, odd: null },
  invoke: { src: 'lamp', id: 'light' },
  states: {
    sound: {
      initial: 'quiet',
      states: { quiet: { on: { louder: 'loud' } }, loud: { on: { softer: 'quiet' } } },
    },
    track: {
      initial: 'stopped',
      on: { reset: '.stopped' },
      states: {
        stopped: { on: { play: 'playing' } },
        playing: {
          entry: [assign({ plays: ({ context }) => context.plays + 1 }), sendTo('light', { type: 'toggle' })],
          initial: 'loading',
          states: { loading: { on: { loaded: 'running' } }, running: {} },
        },
      },
    },
  },
});

let inspector: AppInspector | undefined;
afterEach(async () => {
  await inspector?.close();
  inspector = undefined;
});

async function played(): Promise<AppInspector> {
  let time = 1_700_000_000_000;
  inspector = await createInspector({ now: () => (time += 10) });
  const actor = createActor(player, { inspect: inspector.inspect }).start();
  for (const type of ['louder', 'play', 'loaded'] as const) actor.send({ type });
  return inspector;
}

test('a chart nests compound and parallel states, and draws every transition once', async () => {
  const { definition } = describeMachine(player as unknown as Machine);
  const { wide, tall } = await layoutChart(definition);
  for (const { states, edges, width, height } of [wide, tall]) {
    const box = (key: string) =>
      states.find((state) => state.key === key) ?? { x: -1, y: -1, width: 0, height: 0 };
    for (const [outer, inner] of [
      ['sound', 'sound.quiet'],
      ['track', 'track.playing'],
      ['track.playing', 'track.playing.running'],
    ] as const) {
      const [a, b] = [box(outer), box(inner)];
      expect(
        b.x >= a.x && b.y >= a.y && b.x + b.width <= a.x + a.width && b.y + b.height <= a.y + a.height,
      ).toBe(true);
    }
    for (const state of states)
      expect(state.x + state.width <= width && state.y + state.height <= height).toBe(true);
    const lines = [...edges.flatMap((edge) => edge.lines), ...states.flatMap((state) => state.inside)];
    const drawn = lines.flatMap((line) => line.transitions);
    expect([...new Set(drawn)].sort((a, b) => a - b)).toEqual(definition.transitions.map((_, i) => i));
    for (const edge of edges) for (const at of edge.points) expect(at).toBeGreaterThanOrEqual(0);
  }
});

test('actors, states, contexts and senders are recorded; a moment before has its own state', async () => {
  const { url } = await played();
  const viewer = await ViewerClient.welcome(url);
  const session = new URLSearchParams(new URL(url).hash.slice(1)).get('session') ?? '';
  const { summary, charts } = await viewer.ask('open', { session });
  expect(summary.pipeline).toBe('player');
  expect(Object.keys(charts).sort()).toEqual(['lamp', 'player']);
  const end = await viewer.ask('frame', { session, index: summary.records - 1 });
  expect(end.actors.player).toMatchObject({
    parent: null,
    state: { sound: 'loud', track: { playing: 'running' } },
    context: { plays: 1 },
  });
  expect(end.actors.light).toMatchObject({ parent: 'player', state: 'on' });
  const [toggle] = await viewer.ask('find', {
    session,
    filter: { types: ['step'], actor: 'light', text: 'toggle' },
    from: 0,
    count: 10,
  });
  expect(toggle?.record).toMatchObject({
    event: { type: 'toggle', source: 'player' },
    from: 'off',
    to: 'on',
  });
  const before = await viewer.ask('frame', { session, index: (toggle?.index ?? 0) - 1 });
  expect(before.actors.light?.state).toBe('off');
  viewer.socket.terminate();
});

test('contexts with actors, cycles, big numbers and functions do no harm', async () => {
  inspector = await createInspector();
  const odd: Record<string, unknown> = { big: 12n, call: () => 1 };
  odd.self = odd;
  const actor = createActor(player.provide({}), { inspect: inspector.inspect }).start();
  (actor.getSnapshot().context as { odd: unknown }).odd = odd;
  expect(() => actor.send({ type: 'play' })).not.toThrow();
  expect(actor.getSnapshot().context.plays).toBe(1);
  const html = await inspector.exportHtml();
  expect(html).toContain('<!doctype html>');
});

describe.skipIf(!hasChromium)('in Chromium', () => {
  let browser: Browser;
  const folder = mkdtempSync(join(tmpdir(), 'inspector-app-'));
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('the page shows all active states, live and back in time, and from an exported file', async () => {
    const { url, exportHtml } = await played();
    const file = join(folder, 'app.html');
    writeFileSync(file, await exportHtml());
    for (const address of [url, pathToFileURL(file).href]) {
      const page = await browser.newPage({ reducedMotion: 'reduce' });
      const complaints = complaintsOf(page);
      await page.goto(address);
      await page.locator('.state[data-state="track.playing.running"][data-active="true"]').waitFor();
      const active = () =>
        page
          .locator('.state[data-active="true"]')
          .evaluateAll((states) => states.map((each) => each.getAttribute('data-state')));
      expect((await active()).sort()).toEqual([
        'sound',
        'sound.loud',
        'track',
        'track.playing',
        'track.playing.running',
      ]);
      expect(await page.locator('.actors button span').allTextContents()).toEqual(['player', 'light']);
      expect(await page.locator('.message-line', { hasText: 'toggle' }).count()).toBeGreaterThan(0);
      await page.keyboard.press('ArrowLeft');
      await page.locator('.state[data-state="track.playing.loading"][data-active="true"]').waitFor();
      expect(complaints).toEqual([]);
      await page.close();
    }
  });
});
