/**
 * A process to be killed: it writes a file to a file and a table, or to two files, by `tee()`, and resumes the session that is there.
 * Prints a line for each event, and for each statement.
 */
import { writeSync } from 'node:fs';
import Database from 'libsql';
import { defineStage, pipeline, tee } from 'xstate-pipeline';
import { csv, jsonl } from 'xstate-pipeline/node';
import { table } from 'xstate-pipeline/sql';

const { folder, kind } = JSON.parse(String(process.argv[2]));
const print = (/** @type {string} */ line) => void writeSync(1, `${line}\n`);

const database = new Database(`${folder}/test.db`);
const client = {
  /** @param {string} sql */
  exec(sql) {
    print('exec');
    return database.exec(sql);
  },
  /** @param {string} sql */
  prepare(sql) {
    const prepared = database.prepare(sql);
    return {
      all: (/** @type {unknown[]} */ ...given) => prepared.all(...given),
      run(/** @type {unknown[]} */ ...given) {
        print('run');
        return prepared.run(...given);
      },
    };
  },
};
const copy = defineStage({
  name: 'copy',
  durable: true,
  process: async (/** @type {object[]} */ rows) => rows,
});
const other =
  kind === 'table' ? table({ client, name: 'target', publish: 'replace' }) : csv(`${folder}/out.csv`);
await pipeline('teed', { batchSize: 16, checkpointInterval: 32, maxCrashes: 1_000 })
  .from(jsonl(`${folder}/in.jsonl`))
  .pipe(copy)
  .to(tee(jsonl(`${folder}/out.jsonl`), /** @type {any} */ (other)))
  .run({
    ...{ stateDir: `${folder}/state`, resume: 'last-or-new' },
    observers: [{ next: (event) => print(event.type) }],
  });
