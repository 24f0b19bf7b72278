/** The table for failed rows beside a target: `<name>_dead_letters (session, letter)`. It is created with its first row. */
import { SinkError } from '../errors.js';
import type { JsonObject } from '../formats/json.js';
import type { OpenSink, Sink } from '../sinks/sink.js';
import { connectTo, type SqlClient } from './clients/connect.js';
import { problemOfQuery } from './connection.js';
import type { TableName } from './names.js';
import { tableSink } from './table-sink.js';

interface Letter {
  readonly session: string;
  readonly letter: JsonObject;
}

export function deadLetterTable(client: SqlClient, name: TableName): Sink<JsonObject> {
  const columns = ['session', 'letter'];
  const table = tableSink<Letter>({ client, name, columns, publish: 'append', deadLetters: undefined });
  return {
    ...{ kind: table.kind, label: table.label, describe: table.describe },
    ...(table.discard && { discard: table.discard }),
    async open(at, complete, context): Promise<OpenSink<JsonObject>> {
      await createTable(client, name);
      const opened = await table.open(at, complete, context);
      const { sessionId: session } = context;
      return {
        position: opened.position,
        encode: (rows, firstIndex) =>
          opened.encode(
            rows.map((letter) => ({ session, letter })),
            firstIndex,
          ),
        append: (encoded) => opened.append(encoded),
        flush: () => opened.flush(),
        publish: () => opened.publish(),
        close: () => opened.close(),
      };
    },
  };
}

async function createTable(client: SqlClient, name: TableName): Promise<void> {
  const connection = await connectTo(client);
  try {
    const type = connection.dialect === 'postgres' ? 'jsonb' : 'text';
    const create = () =>
      connection.query(
        `create table if not exists ${name.sql} (session text not null, letter ${type} not null)`,
      );
    await create().catch(create);
  } catch (cause) {
    throw new SinkError(`Cannot create table ${name.text} for failed rows: ${problemOfQuery(cause)}.`, {
      cause,
    });
  } finally {
    await connection.close();
  }
}
