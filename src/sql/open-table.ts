/** A table that is being written: rows wait in memory between commits (invariants in table-sink.ts). */
import { SinkError } from '../errors.js';
import type { EncodedRows, OpenSink, SinkPosition } from '../sinks/sink.js';
import { type Column, problemOfRow } from './columns.js';
import type { SqlConnection } from './connection.js';
import { canCopyColumns } from './copy-text.js';
import type { SessionLedger } from './ledger.js';
import type { TableName } from './names.js';
import { publishStatements, type TablePublish } from './publish-statements.js';
import { encodeRows, type InsertForm, insertRows, type RowsToInsert, SEQUENCE } from './staging-insert.js';
import { asSinkError } from './table-errors.js';

/** Bytes of rows that wait for a commit; beyond it they are written early, without a position. */
const SPILL_BYTES = 8 * 1024 * 1024;

export interface TableParts {
  readonly connection: SqlConnection;
  readonly name: TableName;
  readonly staging: TableName;
  readonly columns: readonly Column[];
  readonly ledger: SessionLedger;
  readonly publish: TablePublish;
  readonly unlock: () => Promise<void>;
}

export class OpenTable<T extends object> implements OpenSink<T> {
  readonly #form: InsertForm;
  /** Appended; the first `#committed` of them are in the staging table. */
  #rows: number;
  #committed: number;
  #waiting: RowsToInsert[] = [];
  #waitingBytes = 0;
  #failure: Error | undefined;
  #isPublished: boolean;
  #busy: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(
    private readonly table: TableParts,
    rows: number,
    /** Undefined: it is published already. */
    private readonly fence: number | undefined,
  ) {
    const { connection, columns } = table;
    this.#form =
      connection.dialect === 'sqlite'
        ? 'values'
        : connection.canCopy && canCopyColumns(columns)
          ? 'copy'
          : 'json';
    this.#rows = rows;
    this.#committed = rows;
    this.#isPublished = fence === undefined;
  }

  get position(): SinkPosition {
    return this.#positionAt(this.#rows);
  }

  encode(rows: readonly T[], firstIndex = 0): EncodedRows {
    const { columns } = this.table;
    for (let index = 0; index < rows.length; index++) {
      const problem = this.problemOf(rows[index] as T, firstIndex + index);
      if (problem !== undefined) throw problem;
    }
    return encodeRows(this.#form, columns, rows);
  }

  problemOf(row: T, index: number): SinkError | undefined {
    const { columns, name } = this.table;
    const problem = problemOfRow(columns, row);
    if (problem === undefined) return undefined;
    return new SinkError(`Row ${index} of a batch does not fit table ${name.text}: ${problem}.`);
  }

  append(encoded: readonly EncodedRows[]): Promise<void> {
    const isOpen = this.#failure === undefined && this.#closed === undefined && !this.#isPublished;
    // A closed table is refused there, with the reason.
    if (!isOpen) return this.#runOperation('write', async () => {});
    for (const { rows, bytes, data } of encoded) {
      this.#waiting.push(data as RowsToInsert);
      this.#waitingBytes += bytes;
      this.#rows += rows;
    }
    return this.#waitingBytes > SPILL_BYTES ? this.#commitWaiting('write', false) : Promise.resolve();
  }

  flush(): Promise<SinkPosition> {
    const rows = this.#rows;
    if (this.#isPublished) return Promise.resolve(this.#positionAt(rows));
    return this.#commitWaiting('flush', true).then(() => this.#positionAt(rows));
  }

  publish(): Promise<void> {
    if (this.#isPublished && this.#closed === undefined) return Promise.resolve();
    return this.#runOperation('publish', async (fence) => {
      const { connection, ledger, staging } = this.table;
      await connection.transaction(async ({ query }) => {
        await ledger.setPublished(query, fence);
        for (const statement of publishStatements(connection.dialect, this.table, SEQUENCE))
          await query(statement);
        await query(`drop table ${staging.sql}`);
      });
      this.#isPublished = true;
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#busy.then(async () => {
      await this.table.unlock();
      await this.table.connection.close();
    });
    return this.#closed;
  }

  /** Commits what was appended before the call.
   * @param isPosition the ledger is to cover the rows. */
  #commitWaiting(verb: 'write' | 'flush', isPosition: boolean): Promise<void> {
    const waiting = this.#waiting;
    const upTo = this.#rows;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return this.#runOperation(verb, async (fence) => {
      const { connection, ledger, staging, columns } = this.table;
      await connection.transaction(async (transaction) => {
        if (isPosition) await ledger.advance(transaction.query, fence, upTo);
        await insertRows(transaction, { staging, columns, parts: waiting, first: this.#committed + 1 });
      });
      this.#committed = upTo;
    });
  }

  #positionAt(rows: number): SinkPosition {
    return { table: this.table.name.text, rows };
  }

  async #runOperation<R>(verb: string, operation: (fence: number) => Promise<R>): Promise<R> {
    const { name } = this.table;
    const running = this.#busy.then(() => {
      if (this.#failure !== undefined) throw this.#failure;
      const isClosed = this.#closed !== undefined;
      if (isClosed || this.#isPublished || this.fence === undefined)
        throw new SinkError(
          `Cannot ${verb} table ${name.text}: it is ${isClosed ? 'closed' : 'published'} already.`,
        );
      return operation(this.fence);
    });
    this.#busy = running.catch(() => {});
    try {
      return await running;
    } catch (error) {
      this.#failure ??= asSinkError(`${verb} table ${name.text}`, error);
      throw this.#failure;
    }
  }
}
