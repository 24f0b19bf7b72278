/** Pins the size of the page: script and style sheet together, compressed. */
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { pageAssets } from '../../../src/inspector/server/assets.js';

test('the whole page is under 90 KB, gzipped', () => {
  const { js, css } = pageAssets();
  const weight = (text: string) => gzipSync(text, { level: 9 }).length;
  expect(weight(js) + weight(css)).toBeLessThan(90_000);
});

test('it contains no call that turns text into markup or code', () => {
  expect(pageAssets().js).not.toMatch(/insertAdjacentHTML|document\.write|\beval\(|new Function\(/);
});
