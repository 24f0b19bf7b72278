import { defineStage, pipeline } from 'xstate-pipeline';
import { csv, jsonl } from 'xstate-pipeline/node';

const zipCodes = new URL('../../node_modules/vega-datasets/data/zipcodes.csv', import.meta.url);

/** A slow stage over 42,049 zip codes. */
export const slow = defineStage({
  name: 'slow',
  concurrency: 2,
  process: async (rows: Readonly<Record<string, string>>[]) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return rows.map(({ zip_code, city, state }) => ({ zip: zip_code, place: `${city}, ${state}` }));
  },
});

export default pipeline('zip-codes', { batchSize: 500 })
  .from(csv(zipCodes))
  .pipe(slow)
  .to(jsonl(new URL('../../out/pause/zip-codes.jsonl', import.meta.url)));
