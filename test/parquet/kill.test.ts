/**
 * Processes that are killed with SIGKILL while they read and write Parquet files, and resumed by others.
 *
 * Pinned: I7, I19: the file is byte-identical to that of an uninterrupted run, and there is none before it is whole.
 * `XSTATE_PIPELINE_KILLS=200` kills more.
 */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { expect, test } from 'vitest';
import { seededRandom } from 'xstate-pipeline';
import { freshFolder } from '../support/folders.js';
import { runKilled } from '../support/killed-process.js';
import { SEED } from '../support/seed.js';

const CHILD = fileURLToPath(new URL('killed.child.mjs', import.meta.url));
const KILLS = Number(process.env.XSTATE_PIPELINE_KILLS ?? 8);
const ids = Array.from({ length: 160 }, (_, id) => id);
const input = Buffer.from(
  parquetWriteBuffer({
    columnData: [
      { name: 'id', data: ids },
      { name: 'other', data: ids.map(String) },
    ],
    rowGroupSize: 50,
  }),
);

function folderWithInput(): string {
  const folder = freshFolder();
  writeFileSync(`${folder}/in.parquet`, input);
  return folder;
}

test(
  `${KILLS} kills (seed ${SEED})`,
  async () => {
    const random = seededRandom(SEED);
    const first = folderWithInput();
    const whole = await runKilled(CHILD, { folder: first });
    expect(whole).toMatchObject({ code: 0, stderr: '' });
    const golden = readFileSync(`${first}/out.parquet`);
    const lines = whole.stdout.split('\n').length;
    for (let kills = 0, run = 0; kills < KILLS; run++) {
      const folder = folderWithInput();
      const output = `${folder}/out.parquet`;
      for (let isCompleted = false; !isCompleted; ) {
        // The last lines are around the making of the file.
        const killAt = random() < 0.5 ? 1 + Math.floor(random() * lines) : lines - Math.floor(random() * 6);
        const ended = await runKilled(CHILD, { folder }, kills < KILLS ? killAt : undefined);
        const place = `run ${run}, kill ${kills} at line ${killAt}: ${ended.stderr}`;
        isCompleted = ended.signal !== 'SIGKILL';
        if (isCompleted) expect(ended, place).toMatchObject({ code: 0, stderr: '' });
        else kills++;
        if (existsSync(output)) expect(readFileSync(output).equals(golden), place).toBe(true);
      }
      expect(readFileSync(output).equals(golden), `run ${run}`).toBe(true);
      // A process that is killed before its first checkpoint may leave an empty one.
      for (const name of readdirSync(folder).filter((one) => one.endsWith('.part')))
        expect(statSync(`${folder}/${name}`).size, `run ${run}: ${name}`).toBe(0);
    }
  },
  60_000 + KILLS * 10_000,
);
