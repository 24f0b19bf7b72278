/**
 * Pins the layout in a real browser: nothing overflows the page or hides a command, at six widths, with names up to 60 characters and up to
 * 40 stages, light and dark; and axe finds no violation in any view.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pageAssets } from '../../../src/inspector/server/assets.js';
import { exportedHtml } from '../../../src/inspector/server/html.js';
import { hasChromium, launchChromium } from '../../support/chromium.js';
import { stagedRecording } from './staged-recording.js';

const folder = mkdtempSync(join(tmpdir(), 'inspector-layout-'));
const WIDTHS = [1920, 1440, 1280, 1024, 768, 390];
const VIEWS = ['Job', 'Failures', 'Speed', 'Statecharts', 'Compare'];
let browser: Browser;

async function fileOf(stages: number, nameLength: number): Promise<string> {
  const { exported, text } = await stagedRecording(stages, nameLength);
  const file = join(folder, `${stages}-${nameLength}.html`);
  writeFileSync(file, exportedHtml(exported, gzipSync(text).toString('base64'), pageAssets()));
  return pathToFileURL(file).href;
}

/** Elements that reach beyond the page, and buttons that something covers. */
function misplaced(): string[] {
  const found: string[] = [];
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) found.push(`page: ${root.scrollWidth} > ${innerWidth}`);
  const nameOf = (element: Element) =>
    `${element.tagName}.${element.getAttribute('class')} ${element.textContent?.slice(0, 30)}`;
  for (const element of document.querySelectorAll('.bar *, .dock *, .run-card *, .tabs *')) {
    const { left, right, width } = element.getBoundingClientRect();
    const scrolls = element.closest('.tabs') !== null || element.closest('.plot') !== null;
    if (width > 0 && !scrolls && (left < -1 || right > innerWidth + 1))
      found.push(`outside: ${nameOf(element)}`);
  }
  for (const button of document.querySelectorAll('.bar button, .dock .keys button')) {
    const { left, top, width, height } = button.getBoundingClientRect();
    if (width === 0 || top < 0 || top > innerHeight) continue;
    const over = document.elementFromPoint(left + width / 2, top + height / 2);
    if (over === null || !(button.contains(over) || over.contains(button)))
      found.push(`covered: ${nameOf(button)}`);
  }
  // Texts of cards and lanes stay in their boxes.
  for (const box of document.querySelectorAll('.lane, .figure, .cause, .actors button')) {
    const { right } = box.getBoundingClientRect();
    for (const part of box.querySelectorAll('*')) {
      const inner = part.getBoundingClientRect();
      if (inner.width > 0 && inner.right > right + 1) found.push(`out of its box: ${nameOf(part)}`);
    }
  }
  return found;
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`,
    );
  });
}

describe.skipIf(!hasChromium)('the layout', () => {
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    [1, 60],
    [4, 20],
    [12, 40],
    [40, 20],
  ])(
    'nothing is pushed off the page: %i stages, names of %i characters',
    async (stages, nameLength) => {
      const url = await fileOf(stages, nameLength);
      const context = await browser.newContext({ reducedMotion: 'reduce' });
      const page = await context.newPage();
      await page.goto(url);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: width < 700 ? 844 : 900 });
        for (const view of VIEWS) {
          await page.getByRole('tab', { name: view }).click();
          await page.waitForFunction(() => document.querySelector('.view')?.childElementCount !== 0);
          expect(await page.evaluate(misplaced), `${view} at ${width}`).toEqual([]);
        }
      }
      // A chart fits into its box, also after a resize.
      await page.setViewportSize({ width: 1024, height: 800 });
      await page.getByRole('tab', { name: 'Statecharts' }).click();
      await page.waitForFunction(() => {
        const box = document.querySelector('.chart');
        return (
          box !== null && box.scrollWidth <= box.clientWidth + 1 && box.scrollHeight <= box.clientHeight + 1
        );
      });
      await context.close();
    },
    120_000,
  );

  test.each(['light', 'dark'] as const)(
    'axe finds no violation: %s',
    async (colorScheme) => {
      const url = await fileOf(4, 20);
      for (const width of [1440, 390]) {
        const context = await browser.newContext({
          viewport: { width, height: 900 },
          colorScheme,
          reducedMotion: 'reduce',
          bypassCSP: true,
        });
        const page = await context.newPage();
        await page.goto(url);
        for (const view of VIEWS) {
          await page.getByRole('tab', { name: view }).click();
          expect(await violations(page), `${view} at ${width}`).toEqual([]);
        }
        for (const tab of ['Event', 'Context', 'Events']) {
          await page.getByRole('tab', { name: tab, exact: true }).click();
          expect(await violations(page), `${tab} at ${width}`).toEqual([]);
        }
        await page.keyboard.press('?');
        await page.getByRole('dialog').waitFor();
        expect(await violations(page), `help at ${width}`).toEqual([]);
        await context.close();
      }
    },
    120_000,
  );
});
