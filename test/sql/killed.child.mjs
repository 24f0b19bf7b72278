/**
 * A process to be killed: it copies a query into a table, and resumes the session that is there. It kills itself with SIGKILL
 * before or after a statement. Prints how many statements it sent, if it completes.
 */
import { defineStage, pipeline } from 'xstate-pipeline';
import { query, table } from 'xstate-pipeline/sql';

const { kind, at, stateDir, killAt, when } = JSON.parse(String(process.argv[2]));

let statements = 0;

/**
 * @template R
 * @param {() => R} statement
 * @returns {R}
 */
function counted(statement) {
  statements++;
  if (statements === killAt && when === 'before') process.kill(process.pid, 'SIGKILL');
  const result = statement();
  if (statements !== killAt || when !== 'after') return result;
  if (!(result instanceof Promise)) process.kill(process.pid, 'SIGKILL');
  // @ts-expect-error a promise takes the place of a promise
  return Promise.resolve(result).then(() => process.kill(process.pid, 'SIGKILL'));
}

async function openClient() {
  if (kind === 'libsql') {
    const { default: Database } = await import('libsql');
    const database = new Database(at);
    return {
      client: {
        /** @param {string} sql */
        exec: (sql) => counted(() => database.exec(sql)),
        /** @param {string} sql */
        prepare(sql) {
          const prepared = database.prepare(sql);
          return {
            /** @param {unknown[]} given */
            all: (...given) => counted(() => prepared.all(...given)),
            /** @param {unknown[]} given */
            run: (...given) => counted(() => prepared.run(...given)),
          };
        },
      },
      close: async () => {},
    };
  }
  const { default: pg } = await import('pg');
  const client = new pg.Client(at);
  await client.connect();
  return {
    client: {
      /**
       * @param {string} sql
       * @param {unknown[]} [given]
       */
      query: (sql, given) => counted(() => client.query(sql, given)),
    },
    close: () => client.end(),
  };
}

const { client, close } = await openClient();
const double = defineStage({
  name: 'double',
  durable: true,
  /** @param {Record<string, unknown>[]} rows */
  process: async (rows) => rows.map(({ id, title }) => ({ id: Number(id) * 2, title })),
});
await pipeline('copy', { batchSize: 16, checkpointInterval: 64, maxCrashes: 1_000 })
  .from(query({ client, sql: 'select id, title from origin', key: 'id' }))
  .pipe(double)
  .to(table({ client, name: 'target', publish: 'replace' }))
  .run({ stateDir, resume: 'last-or-new' });
await close();
process.stdout.write(String(statements));
