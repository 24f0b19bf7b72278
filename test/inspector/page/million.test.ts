/**
 * A recording of a million records, looked at in a real browser: what is in the document and what is asked for stays as
 * small as for a short one. Work is counted here; times are not.
 */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { InspectorHost } from '../../../src/inspector/host.js';
import { type Inspector, serveInspector } from '../../../src/inspector/server/serve.js';
import { hasChromium, launchChromium } from '../../support/chromium.js';
import { recordedSession, repeated } from '../../support/recorded-session.js';
import { complaintsOf } from './looks.js';

const RECORDS = 1_000_000;
const SESSION = 'a-million';

function hostOf(text: string): InspectorHost {
  return {
    sessions: async () => [
      {
        ...{
          id: SESSION,
          pipeline: 'reviews',
          state: 'COMPLETED',
          startedAt: 0,
          savedAt: 0,
          rowsIn: 1,
          rowsOut: 1,
        },
        ...{ live: false, recorded: true },
      },
    ],
    open: async () => {
      let close = () => {};
      const closed = new Promise<void>((resolve) => {
        close = resolve;
      });
      let catchUp = () => {};
      const caughtUp = new Promise<void>((resolve) => {
        catchUp = resolve;
      });
      async function* chunks() {
        yield* repeated(text, RECORDS);
        catchUp();
        await closed;
      }
      return { chunks: chunks(), caughtUp, close };
    },
    command: async () => ({ ok: false, message: 'no' }),
    checkpoint: async () => null,
  };
}

describe.skipIf(!hasChromium)('a million records', () => {
  let browser: Browser;
  let inspector: Inspector;
  beforeAll(async () => {
    browser = await launchChromium();
    inspector = await serveInspector(hostOf(await recordedSession({ batches: 400 })), { session: SESSION });
  });
  afterAll(async () => {
    await browser?.close();
    await inspector?.close();
  });

  test('few rows in the document and few requests, wherever the cursor goes', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' });
    const complaints = complaintsOf(page);
    const asked: Record<string, number> = {};
    page.on('websocket', (socket) =>
      socket.on('framesent', ({ payload }) => {
        const { type } = JSON.parse(String(payload)) as { type: string };
        asked[type] = (asked[type] ?? 0) + 1;
      }),
    );
    const askedFor = async (what: () => Promise<unknown>) => {
      for (const type of Object.keys(asked)) delete asked[type];
      await what();
      return { ...asked };
    };
    const cursor = async () => Number(await page.locator('.thumb').getAttribute('aria-valuenow'));
    const shown = () =>
      page.waitForFunction(() => {
        const at = document.querySelector('.thumb')?.getAttribute('aria-valuenow');
        return (
          document.querySelector('.row.chosen .line b') !== null &&
          document.querySelector('.row.chosen')?.id === `row-${at}`
        );
      });

    const opening = await askedFor(async () => {
      await page.goto(`${inspector.url}&view=Statecharts&steps=1`);
      await page.locator('.state[data-active="true"]').waitFor({ timeout: 60_000 });
      await shown();
    });
    expect(opening.frame).toBe(1);
    expect(opening.find).toBeLessThanOrEqual(6);
    expect(await cursor()).toBeGreaterThanOrEqual(RECORDS - 1);
    expect(await page.locator('.row').count()).toBeLessThan(60);

    const track = await page.locator('.track').boundingBox();
    if (track === null) throw new Error('no slider');
    const y = track.y + track.height / 2;
    const dragging = await askedFor(async () => {
      await page.mouse.move(track.x + 3, y);
      await page.mouse.down();
      await page.mouse.move(track.x + track.width * 0.5, y, { steps: 100 });
      await page.mouse.up();
      await page.waitForFunction(
        (n) => Number(document.querySelector('.thumb')?.getAttribute('aria-valuenow')) > n,
        RECORDS * 0.4,
      );
      await shown();
    });
    expect(dragging.frame).toBeLessThanOrEqual(104);
    expect(dragging.find ?? 0).toBeLessThanOrEqual(3 * (dragging.frame ?? 0) + 6);
    expect(await cursor()).toBeLessThan(RECORDS * 0.6);

    const before = await cursor();
    const stepping = await askedFor(async () => {
      await page.keyboard.press('ArrowRight');
      await page.waitForFunction(
        (n) => Number(document.querySelector('.thumb')?.getAttribute('aria-valuenow')) > n,
        before,
      );
      await shown();
    });
    expect((await cursor()) - before).toBeLessThan(5);
    expect(stepping.frame).toBe(1);
    expect(stepping.find).toBeLessThanOrEqual(4);

    // The wheel moves by rows, though a pixel of the scroll bar is several of them.
    const list = await page.locator('.list').boundingBox();
    if (list === null) throw new Error('no log');
    await page.mouse.move(list.x + 50, list.y + 50);
    const firstRow = () =>
      page
        .locator('.row')
        .first()
        .evaluate((row) => Number(row.id.slice('row-'.length)));
    const top = await firstRow();
    await page.mouse.wheel(0, 260);
    await page.waitForFunction((n) => document.querySelector('.row')?.id !== `row-${n}`, top);
    expect(Math.abs((await firstRow()) - top - 10)).toBeLessThanOrEqual(2);
    expect(await page.locator('.row').count()).toBeLessThan(60);
    expect(complaints).toEqual([]);
    await page.close();
  }, 120_000);
});
