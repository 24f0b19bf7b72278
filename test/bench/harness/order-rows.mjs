/** The input of W1, W5 and W6: orders as JSON Lines, about 160 bytes each, the same for every seed-free run. */
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, existsSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';

const FIRST = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald', 'Frances', 'John', 'Radia', 'Kurt', 'Emmy'];
const LAST = [
  'Lovelace',
  'Hopper',
  'Dijkstra',
  'Liskov',
  'Knuth',
  'Allen',
  'Backus',
  'Perlman',
  'Gödel',
  'Noether',
];
const STATUS = ['paid', 'paid', 'open', 'shipped', 'cancelled', 'paid', 'returned', 'shipped'];
const COUNTRIES = ['DE', 'FR', 'US', 'JP', 'BR', 'IN', 'NG', 'SE'];

/** @param {number} n */
function orderLine(n) {
  // Multiplicative hashing (D. Knuth, TAOCP 3, 6.4): cheap, and no two neighbours alike.
  const h = Math.imul(n + 1, 0x9e3779b1) >>> 0;
  const name = `  ${FIRST[h % 10]}   ${LAST[(h >>> 8) % 10]} ${(h >>> 16).toString(36)} `;
  const amount = `${(h >>> 5) % 1_000}.${String((h >>> 3) % 100).padStart(2, '0')}`;
  const at = new Date(1_700_000_000_000 + n * 1_000).toISOString();
  return `${JSON.stringify({
    ...{ id: n, name, amount, quantity: 1 + ((h >>> 11) % 9), status: STATUS[(h >>> 13) % 8] },
    ...{ at, country: COUNTRIES[(h >>> 20) % 8], reference: `order-${(h >>> 2).toString(16)}` },
  })}\n`;
}

/**
 * Makes the file unless it is there.
 * @param {string} path
 * @param {number} rows
 */
export function makeOrders(path, rows) {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(`${path}.new`, 'w');
  for (let n = 0; n < rows; ) {
    let text = '';
    for (const end = Math.min(rows, n + 2_000); n < end; n++) text += orderLine(n);
    writeSync(file, text);
  }
  closeSync(file);
  renameSync(`${path}.new`, path);
}

/** @param {string} path */
export async function hashOf(path) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex').slice(0, 16);
}
