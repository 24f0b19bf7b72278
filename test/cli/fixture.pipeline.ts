/** A pipeline file inside the package: it imports the package by its own name. */
import { map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';

export default pipeline('inside')
  .from(jsonl('in.jsonl'))
  .pipe(map('same', (row) => row))
  .to(jsonl('out.jsonl'));
