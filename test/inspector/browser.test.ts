/**
 * The inspector in a real browser, with real processes.
 *
 * 1. One page shows a run live, pauses it, shows its kill -9 and its resume by other processes on one timeline, and
 *    replays any moment.
 * 2. An exported file opened from the disk shows the same.
 * 3. No request leaves the page's own origin, none at all leaves the file, and the console stays empty.
 *
 * With SCREENSHOTS=docs it leaves the pictures of the documentation in docs/images.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { folder, PACE, pipelineFile, rowsText, run, SLOWLY, start, text } from '../cli/command.js';
import { hasChromium, launchChromium } from '../support/chromium.js';

const ROWS = 6000;
const isForDocs = process.env.SCREENSHOTS === 'docs';
const ADDRESS = /^inspector {2}(\S+)$/m;
const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url));

/** Three stages; the second is slow, waits and sometimes fails. */
const STAGES = `.pipe(map('normalise', (row: Row) => ({ ...row, word: row.word.toUpperCase() })))
.pipe(defineStage({
  name: 'classify', version: '1', durable: true, concurrency: 4,
  retry: { attempts: 4, initialDelayMs: 5, maxDelayMs: 20, factor: 2, jitter: false },
  process: async (rows: readonly Row[], { batch, attempt }) => {
    ${PACE}
    if (batch.index % 17 === 5 && attempt === 1) throw new Error('503: try again');
    return rows.map((row) => ({ ...row, kind: row.n % 3 }));
  },
})).pipe(filter('keep', (row: { kind: number }) => row.kind !== 2))`;

interface Watched {
  readonly page: Page;
  readonly requests: string[];
  /** Console messages and uncaught errors. */
  readonly complaints: string[];
}

let browser: Browser;

async function watched(url: string): Promise<Watched> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('websocket', (socket) => requests.push(socket.url()));
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`${url}${url.includes('#') ? '&' : '#'}view=Statecharts`);
  return { page, requests, complaints };
}

/** The chart shows the executor in this state, at the moment that the page shows. */
const shows = (page: Page, state: string) =>
  page.locator(`.chart [data-state="${state}"][data-active="true"]`).waitFor({ timeout: 60_000 });

/** The run's state now, whatever moment is shown. */
const stands = (page: Page, state: string) =>
  page.locator(`header .chip.${state}`).waitFor({ timeout: 60_000 });

const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();

/** Drags the slider to just behind a mark. */
async function dragTo(page: Page, mark: string): Promise<void> {
  const thumb = await page.getByRole('slider', { name: 'Moment of the session' }).boundingBox();
  const flag = await page.locator(`button.flag[aria-label^="Go to: ${mark}"]`).first().boundingBox();
  if (thumb === null || flag === null) throw new Error(`no slider, or no mark ${mark}`);
  await page.mouse.move(thumb.x + thumb.width / 2, thumb.y + thumb.height / 2);
  await page.mouse.down();
  await page.mouse.move(flag.x + flag.width / 2 + 3, thumb.y + thumb.height / 2, { steps: 8 });
  await page.mouse.up();
}

async function picture(page: Page, name: string): Promise<void> {
  if (!isForDocs) return;
  mkdirSync(IMAGES, { recursive: true });
  await page.getByRole('tab', { name: 'Job' }).click();
  // The picture needs a curve.
  await page.waitForTimeout(3000);
  for (const [width, height] of [
    [1280, 960],
    [390, 844],
  ] as const) {
    await page.setViewportSize({ width, height });
    await page.screenshot({ path: join(IMAGES, `inspector-${name}-${width}.png`) });
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole('tab', { name: 'Statecharts' }).click();
}

describe.skipIf(!hasChromium)('in Chromium', () => {
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  test('one run over four processes is watched, commanded and replayed', async () => {
    const cwd = folder({ 'in.jsonl': rowsText(ROWS), 'p.ts': pipelineFile(STAGES) });
    const first = start(['run', 'p.ts', '--json', '--record', '--checkpoint-interval', '200'], {
      cwd,
      env: SLOWLY,
    });
    const [, session = ''] = await first.printed(/"sessionId":"([0-9a-f-]{36})"/);
    const inspector = start(['inspect', session, '--allow-commands'], { cwd });
    const [, url = ''] = await inspector.printed(ADDRESS);
    const { page, requests, complaints } = await watched(url);

    await shows(page, 'EXECUTING');
    await stands(page, 'EXECUTING');
    await first.printed(/"upTo":[1-9]\d/);
    await picture(page, 'live');
    await press(page, 'pause');
    expect((await first.ended).code).toBe(130);
    await stands(page, 'PAUSED');
    await shows(page, 'PAUSED');

    const second = start(['resume', session, '--json'], { cwd, env: SLOWLY });
    await second.printed(/batches\.committed/);
    await stands(page, 'EXECUTING');
    second.process.kill('SIGKILL');
    await second.ended;
    await stands(page, 'KILLED');

    const third = start(['resume', session, '--json'], { cwd, env: SLOWLY });
    await third.printed(/batches\.committed/);
    await stands(page, 'EXECUTING');
    // Commands apply to the run now, also while the page shows the past.
    await page.locator('button.flag[aria-label^="Go to: paused"]').first().click();
    await shows(page, 'PAUSED');
    await press(page, 'pause');
    await third.ended;
    await stands(page, 'PAUSED');
    await press(page, 'To the end (End)');
    // The inspector starts the fourth process for the page.
    await press(page, 'resume');
    await stands(page, 'COMPLETED');
    await shows(page, 'COMPLETED');
    expect(text(cwd, 'out.jsonl').trimEnd().split('\n')).toHaveLength((ROWS * 2) / 3);

    // The timeline has its final scale.
    await page.locator('button.flag[aria-label^="Go to: completed"]').waitFor();
    await dragTo(page, 'paused');
    await shows(page, 'PAUSED');
    const labels = await page
      .locator('button.flag')
      .evaluateAll((flags) => flags.map((flag) => flag.ariaLabel));
    expect(labels.join('\n')).toMatch(/paused.*resumed.*resumed.*paused.*resumed.*completed/s);
    await picture(page, 'paused');

    const { origin } = new URL(url);
    const ours = [
      `${origin}/`,
      `${origin}/page.css`,
      `${origin}/page.js`,
      `${origin.replace('http', 'ws')}/feed`,
    ];
    expect([...new Set(requests)].sort()).toEqual(ours.sort());
    expect(complaints).toEqual([]);

    const exported = await run(['inspect', session, '--export', 'run.html'], { cwd });
    expect(exported.code).toBe(0);
    const file = await watched(pathToFileURL(join(cwd, 'run.html')).href);
    await shows(file.page, 'COMPLETED');
    await dragTo(file.page, 'paused');
    await shows(file.page, 'PAUSED');
    expect(file.requests.map((each) => each.split('#')[0])).toEqual([
      pathToFileURL(join(cwd, 'run.html')).href,
    ]);
    expect(file.complaints).toEqual([]);
    await file.page.context().close();
    await page.context().close();
    inspector.process.kill('SIGINT');
    expect((await inspector.ended).code).toBe(0);
  }, 160_000);
});
