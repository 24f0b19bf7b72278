/**
 * The lines of a recording by their number. Pinned: the text of every line is that of its bytes, read in any order, with one
 * line per chunk or thousands, for all characters and for invalid bytes.
 */
import { expect, test } from 'vitest';
import { LineIndex } from '../../src/recording/line-index.js';

const line = (n: number, more: string) => `{"k":"e","n":${n},"t":${n},"m":"${more}"}`;

test.each([
  ['ASCII', (n: number) => `batch ${n}`],
  ['a character of two bytes in one line', (n: number) => (n === 2_345 ? 'é' : 'e')],
  ['a byte order mark within', (n: number) => (n === 7 ? '\ufeff' : 'e')],
  ['characters beyond the first plane', (n: number) => `${n} 🚀`],
])('%s', (_, more) => {
  const lines = Array.from({ length: 3_000 }, (_, n) => line(n, more(n)));
  const bytes = new TextEncoder().encode(`${lines.join('\n')}\n`);
  for (const cut of [bytes.length, 5_000]) {
    const index = new LineIndex();
    for (let at = 0; at < bytes.length; at += cut) index.append(bytes.subarray(at, at + cut), () => {});
    expect(index.length).toBe(3_000);
    for (let round = 0; round < 2; round++)
      expect(Array.from({ length: 3_000 }, (_, i) => index.text(i))).toEqual(lines);
    expect([2_999, 0, 1_500].map((i) => index.text(i))).toEqual([lines[2_999], lines[0], lines[1_500]]);
  }
});

test('bytes that are no text: as many characters as a line of its own would have', () => {
  const whole = Buffer.from(`${Array.from({ length: 2_500 }, (_, n) => line(n, 'xx')).join('\n')}\n`);
  const bad = whole.indexOf('xx', whole.length >> 1);
  whole[bad] = 0xff;
  whole[bad + 1] = 0xc3;
  const index = new LineIndex();
  index.append(whole, () => {});
  const texts = Array.from({ length: 2_500 }, (_, i) => index.text(i));
  expect(texts.filter((text) => text.includes('\ufffd'))).toHaveLength(1);
  expect(texts.map((text) => text.replaceAll('\ufffd', 'x'))).toEqual(
    Array.from({ length: 2_500 }, (_, n) => line(n, 'xx')),
  );
});
