/** Databases of `better-sqlite3`, `libsql` and `node:sqlite`: synchronous, one connection each. */
import type { RawConnection, SqlRow } from '../connection.js';

/** A database object with prepared statements. */
export interface SqliteDatabase {
  /** Runs statements without parameters. */
  exec(sql: string): unknown;
  /** Compiles one statement. */
  prepare(sql: string): SqliteStatement;
}

/** Its prepared statement. */
export interface SqliteStatement {
  /** Runs it, and returns its rows. */
  all(...parameters: never[]): unknown[];
  /** Runs it. */
  run(...parameters: never[]): unknown;
}

/** Statements that are kept prepared. */
const MAX_PREPARED = 32;
const RETURNS_ROWS = /^\s*(select|pragma|with)\b|\breturning\b/i;

export function sqliteConnection(database: SqliteDatabase): RawConnection {
  const prepared = new Map<string, SqliteStatement>();
  const prepare = (sql: string): SqliteStatement => {
    let statement = prepared.get(sql);
    if (statement === undefined) {
      if (prepared.size >= MAX_PREPARED) prepared.clear();
      statement = database.prepare(sql);
      prepared.set(sql, statement);
    }
    return statement;
  };
  return {
    dialect: 'sqlite',
    // The write lock is taken at once: a transaction that reads first could not get it later.
    begin: 'BEGIN IMMEDIATE',
    query: async (sql, parameters = []) => {
      if (!RETURNS_ROWS.test(sql)) {
        if (parameters.length === 0) database.exec(sql);
        else prepare(sql).run(...(parameters as never[]));
        return [];
      }
      return prepare(sql).all(...(parameters as never[])) as readonly SqlRow[];
    },
    async queryEach(sql, parameterLists) {
      const statement = prepare(sql);
      for (const parameters of parameterLists) statement.run(...(parameters as never[]));
    },
    copy: undefined,
    release: () => prepared.clear(),
  };
}
