/**
 * The page in a real browser, over an exported recording.
 *
 * 1. No request but the file's own, nothing on the console.
 * 2. All functions work with the keyboard; controls have names; texts have contrast, in light and dark.
 * 3. No text of a recording becomes markup.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pageAssets } from '../../../src/inspector/server/assets.js';
import { exportedHtml } from '../../../src/inspector/server/html.js';
import { hasChromium, launchChromium } from '../../support/chromium.js';
import { complaintsOf, dimTexts, namelessControls } from './looks.js';
import { type Recorded, recorded } from './recording.js';

const folder = mkdtempSync(join(tmpdir(), 'inspector-page-'));
let browser: Browser;
let run: Recorded;

function fileOf({ text, exported }: Recorded): string {
  const file = join(folder, `${Math.random().toString(36).slice(2)}.html`);
  writeFileSync(file, exportedHtml(exported, gzipSync(text).toString('base64'), pageAssets()));
  return pathToFileURL(file).href;
}

async function opened(recording = run, options: BrowserContextOptions = {}, shown = 'view=Statecharts') {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    reducedMotion: 'reduce',
    ...options,
  });
  const page = await context.newPage();
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  const complaints = complaintsOf(page);
  const url = fileOf(recording);
  await page.goto(`${url}#${shown}`);
  await page.locator(shown === '' ? '.run-card' : '.state[data-active="true"]').waitFor();
  return { page, url, requests, complaints, close: () => context.close() };
}

/** Number of the shown record, from 1. */
const position = async (page: Page) => {
  const words = await page
    .getByRole('slider', { name: 'Moment of the session' })
    .getAttribute('aria-valuenow');
  return Number(words) + 1;
};
const stateShown = (page: Page) => page.locator('.state[data-active="true"]').getAttribute('data-state');
/** Waits until the page shows that record. */
const shownAt = (page: Page, record: number) =>
  page.waitForFunction(
    (n) => document.querySelector('.thumb')?.getAttribute('aria-valuenow') === `${n - 1}`,
    record,
  );

describe.skipIf(!hasChromium)('the page over an exported recording', () => {
  beforeAll(async () => {
    browser = await launchChromium();
    run = await recorded();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('it shows the end of the run, without requests and console messages', async () => {
    const { page, url, requests, complaints, close } = await opened();
    expect(await stateShown(page)).toBe('COMPLETED');
    expect(await page.locator('header .chip').textContent()).toBe('COMPLETED');
    await page.getByRole('tab', { name: 'Job' }).click();
    expect(
      await page
        .locator('.lane[data-stage]')
        .evaluateAll((lanes) => lanes.map((lane) => lane.getAttribute('data-stage'))),
    ).toEqual(['normalise', 'classify', 'score']);
    await page.keyboard.press('Home');
    await page.keyboard.press('End');
    expect(requests.filter((each) => each.split('#')[0] !== url && !each.startsWith('data:'))).toEqual([]);
    expect(complaints).toEqual([]);
    await close();
  });

  test('the keyboard moves through events, marks and ends', async () => {
    const { page, complaints, close } = await opened();
    const records = run.reader.length;
    expect(await position(page)).toBe(records);
    await page.keyboard.press('Home');
    await shownAt(page, 1);
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => document.querySelector('.thumb')?.getAttribute('aria-valuenow') !== '0');
    const first = await position(page);
    expect(run.reader.record(first - 1).type).not.toBe('definition');
    await page.keyboard.press('ArrowLeft');
    await shownAt(page, 1);
    for (const state of ['PAUSED', 'EXECUTING', 'EXECUTING', 'INITIALIZING', 'COMPLETED']) {
      const before = await position(page);
      await page.keyboard.press('Shift+ArrowRight');
      await page.waitForFunction(
        (n) => document.querySelector('.thumb')?.getAttribute('aria-valuenow') !== `${n - 1}`,
        before,
      );
      await page.locator(`.state[data-state="${state}"][data-active="true"]`).waitFor();
    }
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Help' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('/');
    await page.waitForFunction(() => document.activeElement?.id === 'log-text');
    expect(complaints).toEqual([]);
    await close();
  });

  test('the last transition is highlighted, in the chart of its actor only', async () => {
    const { page, close } = await opened();
    const paused = run.reader.summary().marks.find(({ kind }) => kind === 'paused')?.index ?? -1;
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+ArrowRight');
    await shownAt(page, paused + 1);
    await page.locator('.edge.fresh .edge-line.taken', { hasText: '[isPauseDone]' }).waitFor();
    expect(await page.locator('.edge.fresh .edge-line.taken').count()).toBe(1);
    await page
      .locator('.actors')
      .getByRole('button', { name: /^classify/ })
      .click();
    await page.getByRole('group', { name: /^Statechart of stage:classify/ }).waitFor();
    expect(await page.locator('.fresh').count()).toBe(0);
    await close();
  });

  test('the log filters by name, a click moves the cursor, and changes are marked', async () => {
    const { page, complaints, close } = await opened();
    await page.getByRole('checkbox', { name: 'Library steps' }).check();
    await page.getByRole('combobox', { name: 'Actor' }).selectOption('stage:classify');
    await page.getByRole('searchbox', { name: 'Text of the event' }).fill('attempt.failed');
    await page.waitForFunction(() => {
      const titles = [...document.querySelectorAll('.row b')].map((title) => title.textContent);
      return titles.length > 0 && titles.every((title) => title === 'attempt.failed');
    });
    await page.locator('.row').first().click();
    await page.getByRole('tab', { name: 'Context' }).click();
    await page.getByRole('button', { name: 'stage:classify changed here' }).click();
    const changed = await page.locator('.leaf.changed .name').allTextContents();
    expect(changed).toContain('waiting');
    expect(changed).not.toContain('concurrency');
    await page.getByRole('tab', { name: 'Event', exact: true }).click();
    expect(await page.locator('.event').textContent()).toMatch(/attempt\.failed.*Changed.*waiting/s);
    expect(complaints).toEqual([]);
    await close();
  });

  test('a reload and a link keep moment, view, tab, batch and search', async () => {
    const { page, close } = await opened();
    await page.getByRole('tab', { name: 'Job' }).click();
    await page.getByRole('spinbutton', { name: 'Batch' }).fill('7');
    await page.getByRole('searchbox', { name: 'Text of the event' }).fill('503');
    await page.locator('.row', { hasText: 'attempt 1 failed' }).first().click();
    const at = await position(page);
    await page.waitForFunction((n) => location.hash.includes(`at=${n - 1}`), at);
    await page.waitForFunction(() => /batch=7.*text=503/.test(location.hash));
    const link = page.url();
    await page.reload();
    for (const _ of ['after a reload', 'by the link']) {
      await page.locator('.life', { hasText: 'Batch 7' }).waitFor();
      await shownAt(page, at);
      expect(await page.getByRole('searchbox', { name: 'Text of the event' }).inputValue()).toBe('503');
      await page.goto('about:blank');
      await page.goto(link);
    }
    await close();
  });

  test('a search at the end of the session shows the newest match', async () => {
    const { page, close } = await opened();
    await page.getByRole('searchbox', { name: 'Text of the event' }).fill('COMMITTED UP');
    await page.getByRole('searchbox', { name: 'Text of the event' }).fill('BATCHES.committed');
    await page.waitForFunction(() => {
      const rows = [...document.querySelectorAll('.row')];
      return (
        rows.length > 0 &&
        rows.every((row) => row.textContent?.includes('Committed up to')) &&
        rows.some((row) => row.textContent?.includes('batch 59'))
      );
    });
    await close();
  });

  test('playback reaches the end', async () => {
    const { page, close } = await opened();
    await page.getByRole('combobox', { name: 'Playback speed' }).selectOption('1000');
    await page.getByRole('button', { name: /^To the start/ }).click();
    await page.getByRole('button', { name: /^Play/ }).click();
    await page.locator('.state[data-state="COMPLETED"][data-active="true"]').waitFor();
    await page.getByRole('button', { name: /^Play/ }).waitFor();
    await close();
  });

  test('the slider can be dragged, and the page follows', async () => {
    const { page, close } = await opened();
    const track = await page.locator('.track').boundingBox();
    if (track === null) throw new Error('no slider');
    const y = track.y + track.height / 2;
    await page.mouse.move(track.x + track.width, y);
    await page.mouse.down();
    for (const share of [0.9, 0.7, 0.5, 0.1]) await page.mouse.move(track.x + track.width * share, y);
    await page.mouse.up();
    await page.waitForFunction(
      (n) => Number(document.querySelector('.thumb')?.getAttribute('aria-valuenow')) < n,
      run.reader.length / 3,
    );
    expect(await stateShown(page)).toBe('EXECUTING');
    await close();
  });

  test.each([
    { name: 'wide, light', viewport: { width: 1280, height: 800 }, colorScheme: 'light' as const },
    { name: 'narrow, dark', viewport: { width: 390, height: 844 }, colorScheme: 'dark' as const },
  ])(
    'every control has a name, every text contrast, nothing is cut off: $name',
    async ({ viewport, colorScheme }) => {
      const { page, close } = await opened(run, { viewport, colorScheme });
      for (const tab of [
        'Job',
        'Failures',
        'Speed',
        'Compare',
        'Statecharts',
        'Event',
        'Context',
        'Events',
      ]) {
        await page.getByRole('tab', { name: tab, exact: tab !== 'Failures' }).click();
        expect(await page.evaluate(namelessControls)).toEqual([]);
        expect(await page.evaluate(dimTexts)).toEqual([]);
      }
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(viewport.width);
      expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe(colorScheme);
      await page.keyboard.press('t');
      expect(await page.evaluate(() => document.documentElement.dataset.theme)).not.toBe(colorScheme);
      expect(await page.evaluate(dimTexts)).toEqual([]);
      await close();
    },
  );

  test('texts of a recording are never markup', async () => {
    const evil = '<img src=x onerror=alert(1)>';
    const text = run.text
      .replaceAll('503 from the classification service', evil)
      .replaceAll('"score"', `"${evil}"`)
      .replaceAll('stage:score', `stage:${evil}`);
    const { page, complaints, close } = await opened({ ...run, text }, {}, '');
    expect(await page.locator('.lane', { hasText: evil }).count()).toBe(1);
    await page.getByRole('tab', { name: 'Failures' }).click();
    await page.locator('.cause', { hasText: evil }).first().waitFor();
    await page.getByRole('tab', { name: 'Speed' }).click();
    await page.locator('.speed th', { hasText: evil }).first().waitFor();
    expect(await page.locator('img').count()).toBe(0);
    expect(complaints).toEqual([]);
    await close();
  });
});
