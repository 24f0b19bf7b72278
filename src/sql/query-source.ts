/**
 * `query()`: the rows of a query as a source, page by page in the order of a key.
 *
 * 1. Keyset pages: each page begins behind the last key of the one before it. Reopening asks for one page: its cost does not
 *    depend on what was read before.
 * 2. The position is the key of the last row, as the database writes it as text, so that no digit or microsecond is lost.
 * 3. (I15) The identity is the query, its first key, and a hash of the row at the position.
 * 4. Rows are plain JSON: dates are ISO text, 64-bit integers and numerics are text where the client gives them so.
 */
import { sha256 } from '#sha256';
import { isPipelineError, PipelineMismatchError, SourceError } from '../errors.js';
import { isCount, type Json } from '../formats/json.js';
import type { OpenSource, Source, SourceBatch, SourcePosition } from '../sources/source.js';
import { connectTo, type SqlClient } from './clients/connect.js';
import { problemOfQuery, type SqlConnection, type SqlRow } from './connection.js';
import { quoted } from './names.js';

export interface QuerySourceOptions {
  readonly client: SqlClient;
  readonly sql: string;
  /** Columns that order the rows: together unique, never null. */
  readonly key: readonly string[];
}

/** Where a page begins: behind this key. */
type Key = readonly string[];

const KEY_COLUMN = '_xp_key';
/** A position is kept in every checkpoint. */
const MAX_KEY_CHARACTERS = 200;

export function querySource<T extends object>(options: QuerySourceOptions): Source<T> {
  return {
    kind: 'query',
    onMalformed: 'fail',
    describe: () => undefined,
    async open(at) {
      const connection = await connectTo(options.client).catch((cause: unknown) => {
        throw asSourceError(cause);
      });
      try {
        const after = at === undefined ? undefined : keyAt(at, options.key);
        const query = new KeysetQuery(connection, options, await keyTypes(connection, options));
        if (after !== undefined && !(await query.reaches(after)))
          throw new PipelineMismatchError(['the query gives no row at or behind the stored key'], false);
        return new OpenQuery<T>(connection, query, after, at === undefined ? 0 : (at.rows as number));
      } catch (error) {
        await connection.close();
        throw asSourceError(error);
      }
    },
  };
}

function asSourceError(error: unknown): Error {
  if (isPipelineError(error)) return error;
  return new SourceError(`The query cannot be read: ${problemOfQuery(error)}.`, { cause: error });
}

function keyAt({ after, rows }: SourcePosition, key: readonly string[]): Key {
  const isKey =
    Array.isArray(after) && after.length === key.length && after.every((part) => typeof part === 'string');
  if (isKey && isCount(rows)) return after as Key;
  throw new PipelineMismatchError(['the stored position is not one of this query'], false);
}

/** PostgreSQL compares a key in its own type; SQLite has none. */
async function keyTypes(
  connection: SqlConnection,
  { sql, key }: QuerySourceOptions,
): Promise<readonly string[]> {
  const columns = key.map((name, i) =>
    connection.dialect === 'postgres'
      ? `pg_typeof(q.${quoted(name)})::text as "${KEY_COLUMN}${i}"`
      : `typeof(q.${quoted(name)}) as "${KEY_COLUMN}${i}"`,
  );
  const [row] = await connection.query(`select ${columns.join(', ')} from (${sql}) as q limit 1`);
  return key.map((_, i) => String(row?.[`${KEY_COLUMN}${i}`] ?? 'text'));
}

/** The statements over the user's query. */
class KeysetQuery {
  readonly #isPostgres: boolean;
  readonly #order: string;
  readonly #keys: string;
  readonly #text: string;

  constructor(
    private readonly connection: SqlConnection,
    options: QuerySourceOptions,
    private readonly types: readonly string[],
  ) {
    const { sql, key } = options;
    this.#isPostgres = connection.dialect === 'postgres';
    this.#text = sql;
    const columns = key.map((name) => `q.${quoted(name)}`);
    this.#order = columns.join(', ');
    this.#keys = columns.map((column, i) => `cast(${column} as text) as "${KEY_COLUMN}${i}"`).join(', ');
  }

  get hash(): string {
    return sha256(`${this.#text}\n${this.#order}`).slice(0, 16);
  }

  page(after: Key | undefined, count: number): Promise<readonly SqlRow[]> {
    return this.#select(
      after === undefined ? '' : `where (${this.#order}) > (${this.#places})`,
      after ?? [],
      count,
    );
  }

  async reaches(at: Key): Promise<boolean> {
    const found = await this.#select(`where (${this.#order}) >= (${this.#places})`, at, 1);
    return found.length > 0;
  }

  row(at: Key): Promise<readonly SqlRow[]> {
    return this.#select(`where (${this.#order}) = (${this.#places})`, at, 1);
  }

  #select(where: string, parameters: Key, count: number): Promise<readonly SqlRow[]> {
    return this.connection.query(
      `select q.*, ${this.#keys} from (${this.#text}) as q ${where} order by ${this.#order} limit ${count}`,
      parameters,
    );
  }

  get #places(): string {
    return this.types
      .map((type, i) => (this.#isPostgres ? `$${i + 1}::text::${type}` : `cast(? as ${sqliteType(type)})`))
      .join(', ');
  }
}

const sqliteType = (type: string): string => (type === 'integer' || type === 'real' ? type : 'text');

interface KeyedRow {
  readonly key: Key;
  readonly row: Record<string, unknown>;
}

class OpenQuery<T extends object> implements OpenSource<T> {
  #closed: Promise<void> | undefined;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly connection: SqlConnection,
    private readonly query: KeysetQuery,
    private after: Key | undefined,
    private rowsBefore: number,
  ) {}

  async read(maxRows: number, maxBytes: number): Promise<SourceBatch<T> | undefined> {
    if (this.#closed !== undefined) return undefined;
    const reading = this.query.page(this.after, maxRows).then((found) => found.map(keyedRow));
    this.#reading = reading.catch(() => {});
    let page: readonly KeyedRow[];
    try {
      page = await reading;
    } catch (error) {
      if (this.#closed !== undefined) return undefined;
      throw asSourceError(error);
    }
    const rows = withinBytes(page, maxBytes);
    const last = rows.at(-1);
    if (last === undefined || this.#closed !== undefined) return undefined;
    this.after = last.key;
    this.rowsBefore += rows.length;
    const texts = rows.map(({ text }) => text);
    return {
      size: rows.length,
      position: { after: last.key, rows: this.rowsBefore },
      done: this.rowsBefore,
      decode(row) {
        for (const text of texts) row(JSON.parse(text) as T);
      },
    };
  }

  async identity(position: SourcePosition): Promise<Json> {
    const { after } = position;
    const [first] = (await this.query.page(undefined, 1)).map(keyedRow);
    const at = Array.isArray(after) ? (await this.query.row(after as Key)).map(keyedRow) : [];
    return {
      query: this.query.hash,
      first: first === undefined ? null : sha256(JSON.stringify(first.key)).slice(0, 16),
      before: at[0] === undefined ? null : sha256(JSON.stringify(at[0].row)).slice(0, 16),
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#reading.then(() => this.connection.close());
    return this.#closed;
  }
}

/** Takes the key out of a row. @throws {SourceError} for a key that no position can hold. */
function keyedRow(found: SqlRow): KeyedRow {
  const row: Record<string, unknown> = {};
  const key: string[] = [];
  for (const [name, value] of Object.entries(found)) {
    if (!name.startsWith(KEY_COLUMN)) row[name] = jsonValue(value);
    else if (typeof value === 'string') key.push(value);
    else
      throw new SourceError(
        'A key of the query is null. Choose columns that are never null and together unique.',
      );
  }
  if (key.join('').length > MAX_KEY_CHARACTERS)
    throw new SourceError(
      `A key of the query has more than ${MAX_KEY_CHARACTERS} characters. Choose a shorter key.`,
    );
  return { key, row };
}

function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}

function withinBytes(page: readonly KeyedRow[], maxBytes: number): readonly { key: Key; text: string }[] {
  const rows: { key: Key; text: string }[] = [];
  let bytes = 0;
  for (const { key, row } of page) {
    const text = JSON.stringify(row);
    bytes += text.length;
    if (rows.length > 0 && bytes > maxBytes) break;
    rows.push({ key, text });
  }
  return rows;
}
