/** `COPY … FROM STDIN` over `pg` and `postgres`, by the few methods that are used of each. */

/** Runs a `COPY` statement over pieces of text. */
export type RunCopy = (sql: string, pieces: readonly string[]) => Promise<void>;

/** The part of a connection of `pg` that a query of one's own uses. */
interface PgWire {
  query(sql: string): void;
  sendCopyFromChunk(chunk: Uint8Array): void;
  endCopyFrom(): void;
}

/** A query of one's own, as `pg` calls it. */
interface PgSubmittable {
  submit(wire: PgWire): void;
  handleCopyInResponse(wire: PgWire): void;
  handleCommandComplete(): void;
  handleReadyForQuery(): void;
  handleError(error: unknown): void;
  callback(error: unknown): void;
}

interface CopyingPgClient {
  readonly connection: PgWire;
  query(query: PgSubmittable): unknown;
}

/** The JavaScript client of `pg`; its native one and PGlite are none. */
function isCopying(client: object): client is CopyingPgClient {
  const { connection } = client as { readonly connection?: Partial<PgWire> | null };
  return typeof connection?.sendCopyFromChunk === 'function' && typeof connection.endCopyFrom === 'function';
}

/** Undefined: the client cannot. */
export function pgCopy(client: object): RunCopy | undefined {
  if (!isCopying(client)) return undefined;
  return (sql, pieces) =>
    new Promise((resolve, reject) => {
      client.query({
        submit: (wire) => wire.query(sql),
        handleCopyInResponse(wire) {
          for (const piece of pieces) wire.sendCopyFromChunk(Buffer.from(piece));
          wire.endCopyFrom();
        },
        handleCommandComplete() {},
        handleReadyForQuery: () => resolve(),
        handleError: reject,
        // Called instead of `handleError` where the connection has ended before.
        callback(error) {
          if (error !== null && error !== undefined) reject(error);
        },
      });
    });
}

/** A query of `postgres`. */
export interface PostgresJsQuery extends PromiseLike<readonly unknown[]> {
  /** The input of a `COPY`. */
  writable(): Promise<PostgresJsInput>;
}

/** The stream of a `COPY` in `postgres`. */
export interface PostgresJsInput {
  /** Listens for the end or the failure of the input. */
  once(event: 'finish' | 'error', listener: (error?: unknown) => void): unknown;
  /** Sends a piece of the input. */
  write(piece: string): unknown;
  /** Ends the input. */
  end(): unknown;
}

export function postgresJsCopy(sql: { unsafe(text: string): PostgresJsQuery }): RunCopy {
  return async (statement, pieces) => {
    const input = await sql.unsafe(statement).writable();
    await new Promise<void>((resolve, reject) => {
      input.once('finish', () => resolve());
      input.once('error', reject);
      for (const piece of pieces) input.write(piece);
      input.end();
    });
  };
}
