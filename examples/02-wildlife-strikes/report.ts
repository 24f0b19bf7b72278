/** The second pipeline: reads the output of the first and writes the strikes that did damage, as CSV. */
import { filter, map, pipeline } from 'xstate-pipeline';
import { csv, jsonl } from 'xstate-pipeline/node';
import type { Assessed } from './strike.ts';

const out = (name: string) => new URL(`../../out/strikes/${name}`, import.meta.url);

export default pipeline('strike-report')
  .from(jsonl<Assessed>(out('assessed.jsonl')))
  .pipe(filter('damaging', (strike) => strike.damage !== 'none'))
  .pipe(
    map('flatten', ({ position, ...strike }) => ({
      ...strike,
      latitude: position?.[0] ?? null,
      longitude: position?.[1] ?? null,
    })),
  )
  .to(csv(out('damaging.csv')));
