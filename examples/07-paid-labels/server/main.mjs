/**
 * The charging server as a process of its own:
 * `node main.mjs --books <file> [--port 8807] [--settings <JSON>] [--until-stdin-ends]`. Its first line of output is its URL.
 */
import { parseArgs } from 'node:util';
import { startChargingServer } from './charging-server.mjs';

const { values } = parseArgs({
  options: {
    books: { type: 'string', default: 'out/paid-labels/books.jsonl' },
    port: { type: 'string', default: '0' },
    settings: { type: 'string', default: '{}' },
    'until-stdin-ends': { type: 'boolean', default: false },
  },
});
const { url } = await startChargingServer({
  books: values.books,
  port: Number(values.port),
  settings: JSON.parse(values.settings),
});
console.log(url);
if (values['until-stdin-ends']) process.stdin.resume().on('end', () => process.exit());
