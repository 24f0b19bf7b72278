/** A pipeline that writes to a place of its user's. */
import { pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';

export default pipeline('outside').from(jsonl('in.jsonl')).to(jsonl('/nowhere/out.jsonl'));
