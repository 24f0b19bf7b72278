/**
 * A PostgreSQL server of its own: in a temporary folder, on a Unix socket, with fsync on. The server does not run as root, so
 * root starts it as another user.
 */
import { execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const UNPRIVILEGED = 65_534;

/** The folder of `initdb` and `postgres`; undefined: PostgreSQL is not installed. */
export const postgresFolder: string | undefined = findFolder();
if (postgresFolder === undefined)
  console.warn('no PostgreSQL here (apt-get install postgresql): its tests are skipped');

export interface PostgresServer {
  /** Of the socket: `host` of a client. */
  readonly folder: string;
  readonly user: string;
  /** Ends the server as a loss of power would: at once. Its data stay. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

function findFolder(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(':'),
  ];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

/** @throws when PostgreSQL is not installed: ask `postgresFolder` first. */
export async function startPostgres(): Promise<PostgresServer> {
  if (postgresFolder === undefined) throw new Error('PostgreSQL is not installed.');
  const programs = postgresFolder;
  const folder = mkdtempSync(join(tmpdir(), 'xp-pg-'));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(folder, UNPRIVILEGED, UNPRIVILEGED);
  const as = { cwd: folder, ...(isRoot ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {}) };
  const data = join(folder, 'data');
  execFileSync(
    join(programs, 'initdb'),
    ['-D', data, '-A', 'trust', '-U', 'test', '-N', '--locale=C', '-E', 'UTF8'],
    {
      ...as,
      stdio: 'ignore',
    },
  );
  let server = await startServer(join(programs, 'postgres'), data, folder, as);
  const end = async (signal: NodeJS.Signals) => {
    server.kill(signal);
    await server.ended;
  };
  return {
    folder,
    user: 'test',
    kill: () => end('SIGQUIT'),
    async start() {
      server = await startServer(join(programs, 'postgres'), data, folder, as);
    },
    async stop() {
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface RunningServer {
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<void>;
}

function startServer(
  program: string,
  data: string,
  folder: string,
  as: SpawnOptions,
): Promise<RunningServer> {
  const child = spawn(
    program,
    ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'max_connections=40'],
    {
      ...as,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const server = { kill: (signal: NodeJS.Signals) => void child.kill(signal), ended };
  return new Promise((resolve, reject) => {
    let log = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-10_000);
      if (log.includes('ready to accept connections')) resolve(server);
    });
    child.once('error', reject);
    void ended.then(() => reject(new Error(`The server ended: ${log}`)));
  });
}
