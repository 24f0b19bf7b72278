/**
 * Processes that are killed with SIGKILL around the delivery of their output, and resumed by others.
 *
 * Pinned: each delivery gets the whole output, at least one returns before the session is completed, and a completed session is not
 * delivered again. `XSTATE_PIPELINE_KILLS=200` kills more.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { StateManager, seededRandom } from 'xstate-pipeline';
import { lowdbStorage } from 'xstate-pipeline/node';
import { freshFolder } from '../../support/folders.js';
import { runKilled } from '../../support/killed-process.js';
import { SEED } from '../../support/seed.js';

const CHILD = fileURLToPath(new URL('killed.child.mjs', import.meta.url));
const KILLS = Number(process.env.XSTATE_PIPELINE_KILLS ?? 8);
const text = Array.from({ length: 64 }, (_, n) => `{"n":${n}}\n`).join('');

test(
  `${KILLS} kills (seed ${SEED})`,
  async () => {
    const random = seededRandom(SEED);
    const whole = await runKilled(CHILD, { folder: folderWithInput() });
    expect(whole).toMatchObject({ code: 0, stderr: '' });
    const lines = whole.stdout.split('\n');
    const published = lines.indexOf('delivery.started');
    expect(lines.slice(published)).toEqual([
      ...['delivery.started', 'delivering', 'delivered', 'delivery.completed', 'checkpoint.saved'],
      ...['stage.completed', 'pipeline.completed', ''],
    ]);
    for (let kills = 0, run = 0; kills < KILLS; run++) {
      const folder = folderWithInput();
      let deliveredBefore = 0;
      for (let isCompleted = false; !isCompleted; ) {
        // Most of them around the delivery.
        const atLine =
          random() < 0.2 ? 1 + Math.floor(random() * lines.length) : published + Math.floor(random() * 6);
        const ended = await runKilled(CHILD, { folder }, kills < KILLS ? atLine : undefined);
        const place = `run ${run}, kill ${kills}: ${ended.stderr}`;
        const deliveries = deliveriesOf(folder);
        expect(
          deliveries.map((delivery) => delivery.text),
          place,
        ).toEqual(deliveries.map(() => text));
        expect(new Set(deliveries.map(({ sessionId }) => sessionId)).size, place).toBeLessThanOrEqual(1);
        if (ended.signal === 'SIGKILL') kills++;
        else expect(ended, place).toMatchObject({ code: 0, stderr: '' });
        // Some are killed just after that was stored.
        isCompleted = await hasCompleted(folder);
        deliveredBefore = deliveries.length;
      }
      expect(deliveredBefore, `run ${run}`).toBeGreaterThan(0);
      expect(readFileSync(`${folder}/out.jsonl`, 'utf8')).toBe(text);
    }
  },
  60_000 + KILLS * 10_000,
);

function folderWithInput(): string {
  const folder = freshFolder();
  writeFileSync(`${folder}/in.jsonl`, text);
  return folder;
}

async function hasCompleted(folder: string): Promise<boolean> {
  const stored = await new StateManager(lowdbStorage(`${folder}/state`)).listCheckpoints();
  return stored.some((session) => session.state === 'COMPLETED');
}

function deliveriesOf(folder: string): { readonly sessionId: string; readonly text: string }[] {
  try {
    return readFileSync(`${folder}/deliveries`, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  } catch {
    return [];
  }
}
