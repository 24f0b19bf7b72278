/** W1 with Node's streams in object mode: a transform a step, a row at a time. */
import { createReadStream, createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { StringDecoder } from 'node:string_decoder';
import { derive, normalise, select } from '../orders/w1-stages.mjs';

/** @typedef {import('../orders/w1-stages.mjs').Order} Order */

function parsed() {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  return new Transform({
    readableObjectMode: true,
    transform(block, _, done) {
      const lines = (rest + decoder.write(block)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.push(JSON.parse(line));
      done();
    },
  });
}

/** @param {(row: Order) => Order | string | undefined} step */
const each = (step) =>
  new Transform({
    objectMode: true,
    transform(row, _, done) {
      done(null, step(row));
    },
  });

/** @param {{ input: string, output: string }} params */
export async function run({ input, output }) {
  await pipeline(
    createReadStream(input, { highWaterMark: 128 * 1024 }),
    parsed(),
    each(normalise),
    each(derive),
    each((row) => (select(row) ? row : undefined)),
    encoded(),
    createWriteStream(output, { highWaterMark: 128 * 1024 }),
  );
}

/** A write call a row would be no fair picture: text leaves in pieces of 64 KB. */
function encoded() {
  let text = '';
  return new Transform({
    writableObjectMode: true,
    transform(row, _, done) {
      text += `${JSON.stringify(row)}\n`;
      if (text.length < 64 * 1024) return done();
      const whole = text;
      text = '';
      done(null, whole);
    },
    flush(done) {
      done(null, text);
    },
  });
}
