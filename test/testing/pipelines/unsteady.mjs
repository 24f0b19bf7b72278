/** A pipeline whose rows differ from call to call. */
import { map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';

export default pipeline('unsteady')
  .from(jsonl('in.jsonl'))
  .pipe(map('stamp', (row) => ({ ...row, at: process.hrtime.bigint().toString() })))
  .to(jsonl('out.jsonl'));
