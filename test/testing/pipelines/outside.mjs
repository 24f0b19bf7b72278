/** A pipeline that writes outside the working directory. */
import { pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';

export default pipeline('outside').from(jsonl('in.jsonl')).to(jsonl('/nowhere/out.jsonl'));
