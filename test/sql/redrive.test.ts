/**
 * A redrive of a session that wrote to a table: with `append`, the rows join those of the first session; `replace` would remove them,
 * and is refused unless a file is named.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { map, pipeline } from 'xstate-pipeline';
import { jsonl, redriveSession } from 'xstate-pipeline/node';
import { table } from 'xstate-pipeline/sql';
import { freshFolder } from '../support/folders.js';
import { openSqlite } from './clients.js';

test.each(['append', 'replace'] as const)('%s', async (publish) => {
  const folder = freshFolder();
  const database = openSqlite(join(folder, 'data.sqlite'));
  await database.run('create table numbers (n integer)');
  let isBroken = true;
  const whole = pipeline('p', { deadLetter: jsonl(join(folder, 'lost.jsonl')) })
    .from(Array.from({ length: 9 }, (_, n) => ({ n })))
    .pipe(
      map(
        'check',
        (row) => {
          if (isBroken && row.n % 3 === 0) throw new Error('lost');
          return row;
        },
        { onError: 'dead-letter' },
      ),
    )
    .to(table<{ n: number }>({ client: database.client, name: 'numbers', publish }));
  const stateDir = join(folder, 'state');
  const { sessionId } = await whole.run({ stateDir });
  isBroken = false;
  const to = join(folder, 'more.jsonl');
  if (publish === 'replace')
    await expect(redriveSession(sessionId, whole, { stateDir })).rejects.toMatchObject({ code: 'REDRIVE' });
  const redrive = await redriveSession(sessionId, whole, { stateDir, ...(publish === 'replace' && { to }) });
  const { metrics } = await whole.run({ stateDir, resume: redrive?.sessionId as string });
  expect(metrics.rowsOut).toBe(3);
  const stored = await database.run('select n from numbers order by n');
  const expected = publish === 'append' ? [0, 1, 2, 3, 4, 5, 6, 7, 8] : [1, 2, 4, 5, 7, 8];
  expect(stored.map(({ n }) => n)).toEqual(expected);
  await database.close();
});
