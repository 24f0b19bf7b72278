/**
 * A PostgreSQL server of its own: in a temporary folder, on a Unix socket, with fsync on. The server does not run as root, so
 * root starts it as another user. For tests and benchmarks.
 */
import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const UNPRIVILEGED = 65_534;

/**
 * The folder of `initdb` and `postgres`; undefined: PostgreSQL is not installed.
 * @type {string | undefined}
 */
export const postgresFolder = findFolder();
if (postgresFolder === undefined)
  console.warn('no PostgreSQL here (apt-get install postgresql): its tests are skipped');

/**
 * @typedef {object} PostgresServer
 * @property {string} folder of the socket: `host` of a client
 * @property {string} user
 * @property {() => Promise<void>} kill ends the server at once, as a loss of power would; its data stay
 * @property {() => Promise<void>} start
 * @property {() => Promise<void>} stop
 * @property {() => void} stopAtExit stops it when this process ends, and does not keep the process from ending
 */

function findFolder() {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(':'),
  ];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

/**
 * Starts a server.
 * @returns {Promise<PostgresServer>}
 * @throws when PostgreSQL is not installed: ask `postgresFolder` first.
 */
export async function startPostgres() {
  if (postgresFolder === undefined) throw new Error('PostgreSQL is not installed.');
  const programs = postgresFolder;
  const folder = mkdtempSync(join(tmpdir(), 'xp-pg-'));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(folder, UNPRIVILEGED, UNPRIVILEGED);
  const as = { cwd: folder, ...(isRoot ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {}) };
  const data = join(folder, 'data');
  const options = ['-D', data, '-A', 'trust', '-U', 'test', '-N', '--locale=C', '-E', 'UTF8'];
  execFileSync(join(programs, 'initdb'), options, { ...as, stdio: 'ignore' });
  const start = () => startServer(join(programs, 'postgres'), data, folder, as);
  let server = await start();
  /** @param {NodeJS.Signals} signal */
  const end = async (signal) => {
    server.kill(signal);
    await server.ended;
  };
  return {
    folder,
    user: 'test',
    kill: () => end('SIGQUIT'),
    async start() {
      server = await start();
    },
    async stop() {
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
    stopAtExit() {
      server.unref();
      process.once('exit', () => {
        server.kill('SIGQUIT');
        rmSync(folder, { recursive: true, force: true });
      });
    },
  };
}

/**
 * @param {string} program
 * @param {string} data
 * @param {string} folder
 * @param {import('node:child_process').SpawnOptions} as
 * @returns {Promise<{ kill(signal: NodeJS.Signals): void, unref(): void, ended: Promise<void> }>}
 */
function startServer(program, data, folder, as) {
  const options = ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'max_connections=60'];
  const child = spawn(program, options, { ...as, stdio: ['ignore', 'ignore', 'pipe'] });
  /** @type {Promise<void>} */
  const ended = new Promise((resolve) => {
    child.once('exit', () => resolve());
  });
  return new Promise((resolve, reject) => {
    let log = '';
    child.stderr?.on('data', (chunk) => {
      log = (log + String(chunk)).slice(-10_000);
      if (!log.includes('ready to accept connections')) return;
      const unref = () => {
        child.unref();
        child.stderr?.destroy();
      };
      resolve({ kill: (signal) => void child.kill(signal), unref, ended });
    });
    child.once('error', reject);
    void ended.then(() => reject(new Error(`The server ended: ${log}`)));
  });
}
