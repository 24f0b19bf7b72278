/** A pipeline file for the consumer's crash test. */
import { map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';

export default pipeline('copy', { batchSize: 1 })
  .from(jsonl('in.jsonl'))
  .pipe(map('as it is', (row) => row))
  .to(jsonl('copy.jsonl'));
