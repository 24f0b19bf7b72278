/**
 * Processes that are killed with SIGKILL while they read pages of a real HTTP server, and resumed by others. The server refuses some
 * requests, and some processes are killed while a request is open.
 *
 * Pinned: I7 with `pages()`: 0 rows lost, 0 doubled. `XSTATE_PIPELINE_KILLS=200` kills more.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { seededRandom } from 'xstate-pipeline';
import { freshFolder } from '../support/folders.js';
import { runKilled } from '../support/killed-process.js';
import { SEED } from '../support/seed.js';
import { servePages, slicesOf } from './server.js';

const CHILD = fileURLToPath(new URL('killed.child.mjs', import.meta.url));
const KILLS = Number(process.env.XSTATE_PIPELINE_KILLS ?? 10);
const ROWS = 600;
const rows = Array.from({ length: ROWS }, (_, n) => ({ n }));
const golden = rows.map(({ n }) => `${JSON.stringify({ n, double: 2 * n })}\n`).join('');

test(
  `${KILLS} kills (seed ${SEED})`,
  async () => {
    const random = seededRandom(SEED);
    let kill = () => {};
    let killAtRequest = -1;
    const server = await servePages({
      page: slicesOf(rows, [40, 7, 100, 16]),
      refuse(_from, response) {
        if (killAtRequest-- === 0) {
          kill();
          return true;
        }
        return random() < 0.1 && Boolean(response.writeHead(503).end());
      },
    });
    try {
      for (let kills = 0, run = 0; kills < KILLS; run++) {
        const folder = freshFolder();
        for (;;) {
          const isLast = kills >= KILLS;
          const atRequest = !isLast && random() < 0.5;
          killAtRequest = atRequest ? Math.floor(random() * 12) : -1;
          const atLine = isLast || atRequest ? undefined : 1 + Math.floor(random() * 110);
          const ended = await runKilled(CHILD, { url: server.url, folder }, atLine, (killChild) => {
            kill = killChild;
          });
          const place = `run ${run}, kill ${kills}: ${ended.stderr}`;
          if (ended.signal !== 'SIGKILL') {
            expect(ended, place).toMatchObject({ code: 0, stderr: '' });
            break;
          }
          kills++;
        }
        expect(readFileSync(`${folder}/out.jsonl`, 'utf8'), `run ${run}`).toBe(golden);
      }
    } finally {
      await server.close();
    }
  },
  60_000 + KILLS * 10_000,
);
