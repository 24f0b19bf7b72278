/**
 * Processes 10,000 collisions of aircraft with wildlife, as reported to the FAA. The stages clean the rows, keep civil flights,
 * find each airport in a list, and ask a slow and paid service to assess each strike.
 */
import { defineStage, filter, map, pipeline } from 'xstate-pipeline';
import { csv, jsonl } from 'xstate-pipeline/node';
import { locator } from './airports.ts';
import { assess } from './assessment-service.ts';
import { clean } from './clean.ts';
import type { Assessed, Located, RawStrike, Strike } from './strike.ts';

const data = (name: string) => new URL(`../../node_modules/vega-datasets/data/${name}`, import.meta.url);
const out = (name: string) => new URL(`../../out/strikes/${name}`, import.meta.url);

const assessed = defineStage({
  name: 'assess',
  durable: true, // paid: the answers are journaled before they are passed on, and never requested again
  concurrency: 4,
  timeoutMs: 10_000,
  retry: { attempts: 4, initialDelayMs: 100 },
  process: async (strikes: Located[], { idempotencyKey, attempt, signal }): Promise<Assessed[]> => {
    const answers = await assess(strikes, { idempotencyKey, attempt, signal });
    return strikes.map((strike, i) => ({ ...strike, ...(answers[i] as (typeof answers)[number]) }));
  },
});

export default pipeline('wildlife-strikes', { batchSize: 50 })
  .from(csv(data('birdstrikes.csv')))
  .pipe(map('clean', (row) => clean(row as unknown as RawStrike)))
  .pipe(filter('civil', (strike: Strike) => strike.operator !== 'Military'))
  .pipe(map('locate', locator(data('airports.csv'))))
  .pipe(assessed)
  .to(jsonl<Assessed>(out('assessed.jsonl')));
