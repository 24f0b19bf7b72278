/** A process to be killed: it copies the pages of a service into a file, and resumes the session that is there. */
import { writeSync } from 'node:fs';
import { assertOk, defineStage, httpErrors, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
import { pages } from 'xstate-pipeline/pages';

const { url, folder } = JSON.parse(String(process.argv[2]));

const source = pages({
  first: '/rows?from=0',
  fetch: async (path, { signal }) => {
    const response = await assertOk(await fetch(`${url}${path}`, { signal }));
    return /** @type {Promise<{ rows: { n: number }[], next: string | null }>} */ (response.json());
  },
  retry: { attempts: 8, when: httpErrors(), initialDelayMs: 1, jitter: false },
});
const double = defineStage({
  name: 'double',
  durable: true,
  concurrency: 2,
  /** @param {{ n: number }[]} rows */
  process: async (rows) => rows.map(({ n }) => ({ n, double: 2 * n })),
});
await pipeline('pages', { batchSize: 16, checkpointInterval: 48, maxCrashes: 1_000 })
  .from(source)
  .pipe(double)
  .to(jsonl(`${folder}/out.jsonl`))
  .run({
    ...{ stateDir: `${folder}/state`, resume: 'last-or-new' },
    observers: [{ next: (event) => void writeSync(1, `${event.type}\n`) }],
  });
