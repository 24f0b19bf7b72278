/** Texts are encoded as UTF-8, and returned bytes are never overwritten. */
import { expect, test } from 'vitest';
import { utf8Bytes } from '../../src/formats/text-bytes.js';

const TEXTS = ['', 'a', '{"n":1}\n', 'é', '日本', '🜁', '\ud800', 'x'.repeat(9_000), 'ü'.repeat(20_000)];

test('returned bytes are never overwritten', () => {
  const given: { readonly text: string; readonly bytes: Uint8Array }[] = [];
  // More than one block of memory, of small texts and of large ones.
  for (let round = 0; round < 20; round++) {
    for (const first of TEXTS) {
      for (const second of TEXTS)
        for (const text of [first, second]) given.push({ text, bytes: utf8Bytes(text) });
    }
  }
  const encoder = new TextEncoder();
  const expected = new Map(TEXTS.map((text) => [text, Buffer.from(encoder.encode(text))]));
  const wrong = given.filter(({ text, bytes }) => !expected.get(text)?.equals(bytes));
  expect(wrong).toEqual([]);
});
