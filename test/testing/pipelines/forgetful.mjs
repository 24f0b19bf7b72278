/** A pipeline whose sink does not truncate to its position: a crash duplicates rows. */
import { appendFileSync, existsSync, renameSync } from 'node:fs';
import { defineStage, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';

/** @type {import('xstate-pipeline').Sink<unknown>} */
const forgetful = {
  kind: 'forgetful',
  label: 'out.txt',
  describe: () => undefined,
  async open() {
    return {
      position: { rows: 0 },
      encode: (rows) => ({ rows: rows.length, bytes: 0, data: rows }),
      async append(encoded) {
        for (const { data } of encoded) appendFileSync('part.txt', `${JSON.stringify(data)}\n`);
      },
      flush: async () => ({ rows: 0 }),
      async publish() {
        if (existsSync('part.txt')) renameSync('part.txt', 'out.txt');
      },
      async close() {},
    };
  },
};

export default pipeline('forgetful', { batchSize: 1, checkpointInterval: 1 })
  .from(jsonl('in.jsonl'))
  .pipe(defineStage({ name: 'as it is', process: async (rows) => rows }))
  .to(forgetful);
