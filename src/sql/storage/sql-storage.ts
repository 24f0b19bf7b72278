/**
 * `sqlStorage()`: checkpoints, journals and locks in PostgreSQL, so that a run can be resumed from another machine.
 *
 * 1. A checkpoint is a row of `xp_checkpoints`; the two newest of a session are kept.
 * 2. (I10) The lock is an advisory lock on a connection of its own. It is free as soon as that connection ends, on any machine.
 * 3. The owner's checkpoints and journal records are written over the lock's connection: an owner that has lost its lock can
 *    write nothing more.
 * 4. A commit is durable when it returns (I6): `synchronous_commit` is on for every connection.
 *
 * SQLite has no lock that ends with its owner's process, and its file belongs to one machine: there the state directory does it.
 */
import type { Journal } from '../../checkpoint/journal/journal.js';
import type { SessionLock } from '../../checkpoint/lock/lock.js';
import { assertSessionId } from '../../checkpoint/session-id.js';
import type { CheckpointStorage } from '../../checkpoint/storage.js';
import {
  CheckpointWriteError,
  InvalidOptionError,
  isPipelineError,
  SessionLockedError,
  StateDirectoryError,
} from '../../errors.js';
import { readOption } from '../../formats/shape.js';
import { clientOption, connectTo, type SqlClient } from '../clients/connect.js';
import { problemOfQuery, type SqlConnection } from '../connection.js';
import { lockKey } from '../names.js';
import { openSqlJournal } from './sql-journal.js';

/** Texts of a session that are kept. */
const GENERATIONS = 2;
const NAMES = ['newest', 'previous'] as const;

const TABLES = [
  'create table if not exists xp_checkpoints (session text not null, generation bigint not null, text text not null, primary key (session, generation))',
  'create table if not exists xp_journal (session text not null, batch bigint not null, stage text not null, call bigint not null, ' +
    'epoch bigint not null, payload bytea not null, primary key (session, batch, stage, call))',
];

/**
 * A storage in PostgreSQL. The tables `xp_checkpoints` and `xp_journal` are created when they are needed.
 * `pause`, `cancel` and `status` of the command line reach owners on the same machine only, through a state directory: not this
 * storage. Recordings are not kept.
 * @param client a pool of `pg`, or `postgres`: each running session holds one connection
 * @throws {InvalidOptionError} for SQLite, and for a single connection
 * @example new StateManager(sqlStorage(new pg.Pool()))
 */
export function sqlStorage(client: SqlClient): CheckpointStorage {
  readOption('sqlStorage()', 'client', clientOption, client);
  if ('prepare' in client || !('totalCount' in client || 'reserve' in client))
    throw new InvalidOptionError(
      'sqlStorage() takes a pool of pg, or postgres: each session holds a connection. With SQLite, use a state directory.',
    );
  return new SqlStorage(client);
}

class SqlStorage implements CheckpointStorage {
  readonly label = 'PostgreSQL';
  /** Connections of the sessions that this process owns. */
  readonly #owned = new Map<string, SqlConnection>();
  #tables: Promise<void> | undefined;

  constructor(private readonly client: SqlClient) {}

  async read(sessionId: string) {
    assertSessionId(sessionId, this.label);
    const rows = await this.#use(sessionId, 'read', (connection) =>
      connection.query('select text from xp_checkpoints where session = $1 order by generation desc', [
        sessionId,
      ]),
    );
    if (rows.length === 0) return undefined;
    const generations = rows.map((row, i) => ({ name: NAMES[i] ?? 'older', text: String(row.text) }));
    return { generations, problems: [] };
  }

  async write(sessionId: string, text: string): Promise<void> {
    assertSessionId(sessionId, this.label);
    if (text === '')
      throw new CheckpointWriteError(`An empty checkpoint of session ${sessionId} was not written.`);
    await this.#use(sessionId, 'write', (connection) =>
      connection.transaction(async ({ query }) => {
        await query(
          'insert into xp_checkpoints (session, generation, text) ' +
            'select $1::text, coalesce(max(generation), 0) + 1, $2::text from xp_checkpoints where session = $1::text',
          [sessionId, text],
        );
        await query(
          'delete from xp_checkpoints where session = $1::text and generation <= ' +
            `(select max(generation) from xp_checkpoints where session = $1::text) - ${GENERATIONS}`,
          [sessionId],
        );
      }),
    );
  }

  async list(): Promise<readonly string[]> {
    const rows = await this.#use(undefined, 'list', (connection) =>
      connection.query('select distinct session from xp_checkpoints'),
    );
    return rows.map(({ session }) => String(session));
  }

  async remove(sessionId: string): Promise<void> {
    assertSessionId(sessionId, this.label);
    await this.#use(sessionId, 'remove', (connection) =>
      connection.transaction(async ({ query }) => {
        await query('delete from xp_journal where session = $1', [sessionId]);
        await query('delete from xp_checkpoints where session = $1', [sessionId]);
      }),
    );
  }

  async lock(sessionId: string): Promise<SessionLock> {
    assertSessionId(sessionId, this.label);
    if (this.#owned.has(sessionId)) throw new SessionLockedError(sessionId);
    const connection = await this.#connect('write', sessionId);
    const key = lockKey(sessionId);
    try {
      const [row] = await connection.query('select pg_try_advisory_lock($1::bigint) as locked', [key]);
      if (row?.locked !== true || this.#owned.has(sessionId)) throw new SessionLockedError(sessionId);
    } catch (error) {
      await connection.close();
      throw asStorageError('write', sessionId, error);
    }
    this.#owned.set(sessionId, connection);
    let released: Promise<void> | undefined;
    const release = async () => {
      this.#owned.delete(sessionId);
      await connection.query('select pg_advisory_unlock($1::bigint)', [key]).catch(() => {});
      await connection.close();
    };
    return {
      release: () => {
        released ??= release();
        return released;
      },
    };
  }

  async journal(sessionId: string, epoch: number): Promise<Journal> {
    assertSessionId(sessionId, this.label);
    const owned = this.#owned.get(sessionId);
    const connection = owned ?? (await this.#connect('write', sessionId));
    const close = async () => {
      if (owned === undefined) await connection.close();
    };
    try {
      return await openSqlJournal({ connection, sessionId, epoch, close });
    } catch (error) {
      await close();
      throw asStorageError('read', sessionId, error);
    }
  }

  /** Runs an operation over the session's own connection, or over one of the pool. */
  async #use<R>(
    sessionId: string | undefined,
    verb: Verb,
    operation: (connection: SqlConnection) => Promise<R>,
  ): Promise<R> {
    const owned = sessionId === undefined ? undefined : this.#owned.get(sessionId);
    const connection = owned ?? (await this.#connect(verb, sessionId));
    try {
      return await operation(connection);
    } catch (error) {
      throw asStorageError(verb, sessionId, error);
    } finally {
      if (owned === undefined) await connection.close();
    }
  }

  async #connect(verb: Verb, sessionId: string | undefined): Promise<SqlConnection> {
    let connection: SqlConnection | undefined;
    try {
      connection = await connectTo(this.client);
      await connection.query(
        "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'",
      );
      this.#tables ??= createTables(connection);
      await this.#tables;
      return connection;
    } catch (error) {
      this.#tables = undefined;
      await connection?.close();
      throw asStorageError(verb, sessionId, error);
    }
  }
}

/** Another process may create them at the same moment: then the second try finds them. */
async function createTables({ query }: SqlConnection): Promise<void> {
  for (const create of TABLES) await query(create).catch(() => query(create));
}

type Verb = 'read' | 'write' | 'list' | 'remove';

function asStorageError(verb: Verb, sessionId: string | undefined, error: unknown): Error {
  if (isPipelineError(error)) return error;
  const what = sessionId === undefined ? 'the sessions' : `session ${sessionId}`;
  const message = `Cannot ${verb} ${what} in PostgreSQL: ${problemOfQuery(error)}.`;
  return verb === 'write' || verb === 'remove'
    ? new CheckpointWriteError(message, { cause: error })
    : new StateDirectoryError(message, { cause: error });
}
