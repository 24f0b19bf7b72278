/**
 * Paid work, killed with SIGKILL while requests are under way, and resumed by others. The service keeps its own books.
 *
 * Pinned: I20 (no call of a batch that was announced as durable is made again, and an interrupted call gets its key again), I21 (the
 * books lie between what is certain and that plus what is uncertain), I7. `XSTATE_PIPELINE_PAID_KILLS=40` kills more.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { seededRandom } from 'xstate-pipeline';
import { freshFolder } from '../../support/folders.js';
import { SEED } from '../../support/seed.js';

const CHILD = fileURLToPath(new URL('kill.child.mjs', import.meta.url));
const KILLS = Number(process.env.XSTATE_PIPELINE_PAID_KILLS ?? 2);
const COUNT = 400;
const PRICE = 0.01;

class Service {
  /** The keys that were asked for, in order: each was charged. */
  readonly books: string[] = [];
  /** Calls back at a request: before its answer, or after it. */
  onRequest: (isAnswered: boolean) => void = () => {};
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    this.books.push(String(request.headers['idempotency-key']));
    this.onRequest(false);
    const rows = JSON.parse(body) as { n: number }[];
    response.end(JSON.stringify(rows.map(({ n }) => ({ n, double: n * 2 }))), () => this.onRequest(true));
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

interface Spent {
  readonly certain: { readonly usd: number };
  readonly uncertain: { readonly usd?: number };
}

test.each([
  [1, 1],
  [1, 16],
  [5, 4],
  [20, 2],
  [20, 16],
])(
  `%i rows a call, %i calls at once, ${KILLS} kills (seed ${SEED})`,
  async (rowsPerCall, concurrency) => {
    const random = seededRandom(SEED + rowsPerCall * 100 + concurrency);
    const service = new Service();
    const url = await service.start();
    const folder = freshFolder();
    const durable = new Set<string>();
    const options = JSON.stringify({ url, count: COUNT, rowsPerCall, concurrency, folder });
    let spent: Spent | undefined;
    try {
      for (let kill = 0; spent === undefined; kill++) {
        const child = spawn(process.execPath, [CHILD, options], { stdio: ['ignore', 'pipe', 'pipe'] });
        let errors = '';
        child.stderr.on('data', (chunk) => {
          errors += String(chunk);
        });
        let left = kill < KILLS ? 1 + Math.floor(random() * (COUNT / rowsPerCall / KILLS)) : Infinity;
        const isAfter = random() < 0.5;
        service.onRequest = (isAnswered) => {
          if (isAnswered === isAfter && --left === 0) child.kill('SIGKILL');
        };
        const from = service.books.length;
        const before = new Set(durable);
        for await (const line of createInterface({ input: child.stdout })) {
          if (line.startsWith('durable ')) durable.add(line.slice(8));
          if (line.startsWith('spent ')) spent = JSON.parse(line.slice(6));
        }
        if (kill >= KILLS) expect(spent, errors).toBeDefined();
        for (const key of service.books.slice(from))
          expect(before.has(key.split(':')[2] as string), `${key} after kill ${kill}`).toBe(false);
      }
    } finally {
      service.stop();
    }
    const output = readFileSync(join(folder, 'out.jsonl'), 'utf8');
    expect(output).toBe(
      Array.from({ length: COUNT }, (_, n) => `${JSON.stringify({ n, double: n * 2 })}\n`).join(''),
    );
    const charged = service.books.length * PRICE;
    const { certain, uncertain } = spent as Spent;
    expect(certain.usd).toBeLessThanOrEqual(charged + 1e-9);
    expect(certain.usd + (uncertain.usd ?? 0)).toBeGreaterThanOrEqual(charged - 1e-9);
    const repeated = service.books.length - new Set(service.books).size;
    expect(repeated).toBeLessThanOrEqual(KILLS * concurrency);
  },
  120_000,
);
