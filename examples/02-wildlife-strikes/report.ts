/** The second job: of what the first one wrote, the strikes that did damage, as a table for a spreadsheet. */
import { filter, map, pipeline } from 'xstate-pipeline';
import { csv, jsonl } from 'xstate-pipeline/node';
import type { Assessed } from './strike.js';

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
