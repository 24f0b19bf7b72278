/**
 * Processes that are killed with SIGKILL while they write by `tee()`, and resumed by others.
 *
 * Pinned: I7, I19, I23 over both sinks: 0 rows lost, 0 doubled, none of the targets half published. `XSTATE_PIPELINE_KILLS=200` kills
 * more.
 */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Database from 'libsql';
import { expect, test } from 'vitest';
import { seededRandom } from 'xstate-pipeline';
import { freshFolder } from '../../support/folders.js';
import { runKilled } from '../../support/killed-process.js';
import { SEED } from '../../support/seed.js';

const CHILD = fileURLToPath(new URL('tee.child.mjs', import.meta.url));
const KILLS = Number(process.env.XSTATE_PIPELINE_KILLS ?? 8);
const rows = Array.from({ length: 160 }, (_, id) => ({ id }));
const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const columns = `id\n${rows.map(({ id }) => `${id}\n`).join('')}`;

/** What is at a target: undefined, nothing; otherwise all of it. */
function contentsOf(folder: string, kind: string): readonly unknown[] {
  const read = (name: string) =>
    existsSync(`${folder}/${name}`) ? readFileSync(`${folder}/${name}`, 'utf8') : undefined;
  if (kind === 'file') return [read('out.jsonl'), read('out.csv')];
  const database = new Database(`${folder}/test.db`);
  try {
    const found = database.prepare('select id from target order by id').all();
    return [read('out.jsonl'), found.length === 0 ? undefined : JSON.parse(JSON.stringify(found))];
  } finally {
    database.close();
  }
}

test.each(['file', 'table'])(
  `a file and a %s: ${KILLS} kills (seed ${SEED})`,
  async (kind) => {
    const random = seededRandom(SEED);
    const whole = [text, kind === 'file' ? columns : rows];
    let length = 0;
    for (let kills = 0, run = 0; kills < KILLS || run < 2; run++) {
      const folder = freshFolder();
      writeFileSync(`${folder}/in.jsonl`, text);
      const database = new Database(`${folder}/test.db`);
      database.exec('create table target (id integer)');
      database.close();
      for (;;) {
        // The first run, which is not killed, says how many lines there are.
        const killAt = run === 0 || kills >= KILLS ? undefined : 1 + Math.floor(random() * length);
        const ended = await runKilled(CHILD, { folder, kind }, killAt);
        const place = `run ${run}, kill ${kills} at line ${killAt}: ${ended.stderr}`;
        const found = contentsOf(folder, kind);
        if (ended.signal !== 'SIGKILL') {
          expect(ended, place).toMatchObject({ code: 0, stderr: '' });
          expect(found, place).toEqual(whole);
          length = Math.max(length, ended.stdout.split('\n').length);
          break;
        }
        kills++;
        // Each is whole or nothing; the second is published after the first.
        for (const [i, contents] of found.entries())
          if (contents !== undefined) expect(contents, place).toEqual(whole[i]);
        if (found[1] !== undefined) expect(found[0], place).toBe(text);
      }
      // A process that is killed before its first checkpoint may leave an empty one.
      for (const name of readdirSync(folder).filter((one) => one.endsWith('.part')))
        expect(statSync(`${folder}/${name}`).size, `run ${run}: ${name}`).toBe(0);
    }
  },
  60_000 + KILLS * 10_000,
);
