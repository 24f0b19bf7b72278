/**
 * The table `xp_sessions`: one row for each session and target, beside the target.
 *
 * | column | meaning |
 * | --- | --- |
 * | `fence` | grows at each opening; a writer whose fence is lower has lost the session (I10, across machines) |
 * | `rows` | rows in the staging table that a commit covers |
 * | `published` | 1: the rows are in the target |
 */
import { SessionLockedError } from '../errors.js';
import type { RunQuery, SqlConnection } from './connection.js';
import { ledgerOf, type TableName } from './names.js';

export interface LedgerEntry {
  readonly rows: number;
  readonly isPublished: boolean;
}

export class SessionLedger {
  readonly #table: string;
  readonly #isPostgres: boolean;

  constructor(
    connection: SqlConnection,
    private readonly target: TableName,
    private readonly sessionId: string,
  ) {
    this.#table = ledgerOf(target).sql;
    this.#isPostgres = connection.dialect === 'postgres';
  }

  /** Creates the table if it is missing. Two processes may do so at once: the second try finds it. */
  async ensureTable(query: RunQuery): Promise<void> {
    const create = () =>
      query(
        `create table if not exists ${this.#table} (session text not null, sink text not null, fence bigint not null, ` +
          'rows bigint not null, published integer not null default 0, primary key (session, sink))',
      );
    await create().catch(create);
  }

  async find(query: RunQuery): Promise<LedgerEntry | undefined> {
    const [row] = await query(
      `select rows, published from ${this.#table} where session = ${this.#p(1)} and sink = ${this.#p(2)}`,
      this.#key,
    ).catch((error: unknown) => {
      if (isMissingTable(error)) return [];
      throw error;
    });
    if (row === undefined) return undefined;
    return { rows: Number(row.rows), isPublished: Number(row.published) === 1 };
  }

  /** Takes the session over at a number of rows. @returns the fence of this opening. */
  async takeOver(query: RunQuery, rows: number): Promise<number> {
    const [row] = await query(
      `insert into ${this.#table} (session, sink, fence, rows, published) values (${this.#p(1)}, ${this.#p(2)}, 1, ${this.#p(3)}, 0) ` +
        `on conflict (session, sink) do update set fence = ${this.#table}.fence + 1, rows = excluded.rows, published = 0 returning fence`,
      [...this.#key, rows],
    );
    return Number(row?.fence);
  }

  /** Records the rows that this transaction covers. @throws {SessionLockedError} if a later opening has the session. */
  async advance(query: RunQuery, fence: number, rows: number): Promise<void> {
    await this.#update(query, fence, 'rows', rows);
  }

  /** Records that the rows are in the target. @throws {SessionLockedError} */
  async setPublished(query: RunQuery, fence: number): Promise<void> {
    await this.#update(query, fence, 'published', 1);
  }

  async remove(query: RunQuery): Promise<void> {
    await query(
      `delete from ${this.#table} where session = ${this.#p(1)} and sink = ${this.#p(2)} and published = 0`,
      this.#key,
    );
  }

  async #update(query: RunQuery, fence: number, column: 'rows' | 'published', value: number): Promise<void> {
    const updated = await query(
      `update ${this.#table} set ${column} = ${this.#p(1)} where session = ${this.#p(2)} and sink = ${this.#p(3)} and fence = ${this.#p(4)} returning fence`,
      [value, ...this.#key, fence],
    );
    if (updated.length !== 1) throw new SessionLockedError(this.sessionId, undefined, this.target.text);
  }

  get #key(): readonly [string, string] {
    return [this.sessionId, this.target.text];
  }

  #p(index: number): string {
    return this.#isPostgres ? `$${index}` : '?';
  }
}

/** PostgreSQL: 42P01. SQLite: only its message says so. */
export function isMissingTable(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  return code === '42P01' || /no such table/i.test(String(message));
}
