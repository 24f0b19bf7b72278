/** Pins that a checkpoint written in Node is the same in a browser: both ways to SHA-256 agree, on texts that UTF-8 has no form for too. */
import { expect, test } from 'vitest';
import { sha256 as inBrowser } from '../../src/platform/sha256.browser.js';
import { sha256 as inNode } from '../../src/platform/sha256.node.js';

test.each([
  ['nothing', ''],
  ['ASCII', 'abc'],
  ['beyond it', 'naïve 数据 🚀'],
  ['half of a pair', '\ud83d alone'],
  ['bytes', Uint8Array.from([0, 255, 128, 10])],
])('%s', (_, data) => {
  expect(inBrowser(data)).toBe(inNode(data));
});

test('is SHA-256', () => {
  expect(inNode('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});
