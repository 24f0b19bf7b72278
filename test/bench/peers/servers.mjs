/**
 * Redis and PostgreSQL for one run: a fresh data folder, the program of the system's packages, gone afterwards. Their
 * settings are the defaults but for what is named here.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** Only the super-user must step down: PostgreSQL refuses to run as root. */
const isRoot = process.getuid?.() === 0;

/** @param {string} dir @param {'always' | 'everysec'} appendfsync */
export async function startRedis(dir, appendfsync) {
  mkdirSync(dir, { recursive: true });
  const port = await freePort();
  const settings = { port, bind: '127.0.0.1', dir, appendonly: 'yes', appendfsync, save: '' };
  const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = spawn('redis-server', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  await said(server, server.stdout, 'Ready to accept connections');
  return { port, host: '127.0.0.1', stop: () => stopped(server, 'SIGTERM') };
}

/** @param {string} dir */
export async function startPostgres(dir) {
  const programs = postgresPrograms();
  const data = join(dir, 'data');
  mkdirSync(dir, { recursive: true });
  const user = isRoot ? { uid: idOf('postgres', '-u'), gid: idOf('postgres', '-g') } : {};
  if (isRoot) execFileSync('chown', ['postgres', dir]);
  const cwd = '/';
  execFileSync(join(programs, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8'], {
    ...{ ...user, cwd, stdio: ['ignore', 'ignore', 'inherit'] },
  });
  const port = await freePort();
  const words = [
    '-D',
    data,
    '-p',
    String(port),
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    `unix_socket_directories=`,
  ];
  const server = spawn(join(programs, 'postgres'), words, {
    ...user,
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await said(server, server.stderr, 'ready to accept connections');
  server.stderr.resume();
  return { url: `postgres://postgres@127.0.0.1:${port}/postgres`, stop: () => stopped(server, 'SIGINT') };
}

function postgresPrograms() {
  const home = '/usr/lib/postgresql';
  const [newest] = existsSync(home) ? readdirSync(home).sort((a, b) => Number(b) - Number(a)) : [];
  if (newest === undefined)
    throw new Error('PostgreSQL is not installed (Debian: apt-get install postgresql)');
  return join(home, newest, 'bin');
}

/** @param {string} user @param {string} which */
const idOf = (user, which) => Number(execFileSync('id', [which, user], { encoding: 'utf8' }));

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

function said(server, stream, words) {
  return new Promise((done, fail) => {
    let output = '';
    const listen = (text) => {
      output += text;
      if (!output.includes(words)) return;
      stream.off('data', listen);
      stream.resume();
      done();
    };
    stream.setEncoding('utf8').on('data', listen);
    server.on('error', (error) => fail(new Error(`cannot start: ${error.message}`)));
    server.on('exit', (code) => fail(new Error(`the server ended with ${code}: ${output.slice(-500)}`)));
    process.on('exit', () => server.kill('SIGKILL'));
  });
}

function stopped(server, signal) {
  return new Promise((done) => {
    server.on('exit', done);
    server.kill(signal);
  });
}
