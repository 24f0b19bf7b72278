import { map, pipeline, rows } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';

export default pipeline('doubles')
  .from(rows([1, 2, 3]))
  .pipe(map('double', (n) => ({ n: 2 * n })))
  .to(jsonl('out.jsonl'));
