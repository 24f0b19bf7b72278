/** A real browser for tests: Debian's Chromium, or the one that CHROMIUM names. Without one the tests say so. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'];

/** It keeps to itself: what a page asks for is all that is asked for. */
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const executablePath = PLACES.find((place) => place !== undefined && existsSync(place));

export const hasChromium = executablePath !== undefined;
if (!hasChromium) console.warn('no Chromium here (apt-get install chromium): the browser tests are skipped');

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ ...(executablePath === undefined ? {} : { executablePath }), args: QUIET });
}
