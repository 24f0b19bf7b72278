/**
 * The control channel between other processes and a session's owner.
 *
 * - Commands need the token of `owner.json`; the pid is answered without it.
 * - A handler's answer and a handler's failure both reach the client.
 * - No client harms the owner: garbage, huge and endless requests, wrong tokens, many connections, silence.
 */
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { sendControl } from '../../../src/checkpoint/lock/control-client.js';
import type { ControlCommand, LockHandlers } from '../../../src/checkpoint/lock/lock.js';
import { lockSocket } from '../../../src/checkpoint/lock/lock-socket.js';
import { acquireSessionLock } from '../../../src/checkpoint/lock/session-lock.js';
import { IllegalCommandError } from '../../../src/errors.js';
import type { JsonObject } from '../../../src/formats/json.js';

const SESSION = '0e4cf1d2-5f0e-4c8e-9b6e-0d8c8a1f2b3c';

let root: string;
let directory: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'control-'));
});
beforeEach(async () => {
  directory = await mkdtemp(join(root, 'session-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function own(handlers: LockHandlers, idleTimeoutMs = 60_000) {
  const lock = await acquireSessionLock({ directory, sessionId: SESSION, handlers, idleTimeoutMs });
  onTestFinished(() => lock.release());
  return lock;
}

const send = (command: ControlCommand, timeoutMs = 10_000) =>
  sendControl({ directory, sessionId: SESSION, command, timeoutMs });
const token = async (): Promise<string> =>
  JSON.parse(await readFile(join(directory, 'owner.json'), 'utf8')).token;

async function visit(): Promise<Socket> {
  const owner = await (await lockSocket(directory, SESSION)).owner();
  const socket = owner?.socket;
  if (socket === undefined) throw new Error('no owner answers');
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** All that the owner says until it closes the line. */
async function say(...what: (string | Uint8Array)[]): Promise<JsonObject[]> {
  const socket = await visit();
  const received: Buffer[] = [];
  socket.on('data', (chunk) => received.push(chunk));
  for (const text of what) socket.write(text);
  await closing(socket);
  const lines = Buffer.concat(received).toString().split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line));
}

const closing = (socket: Socket) => new Promise<void>((resolve) => socket.on('close', () => resolve()));

const errorOf = (code: string) => [{ error: { code, message: expect.any(String) } }];

describe('commands', () => {
  test('each reaches its handler and brings back its answer', async () => {
    await own({
      pause: async () => ({ paused: true, batches: 3 }),
      cancel: async () => ({ cancelled: true }),
      status: async () => ({ state: 'EXECUTING', text: 'línea\n"2"' }),
    });
    expect(await send('pause')).toEqual({ paused: true, batches: 3 });
    expect(await send('cancel')).toEqual({ cancelled: true });
    expect(await send('status')).toEqual({ state: 'EXECUTING', text: 'línea\n"2"' });
  });

  test("a handler's failure is an error with its code, and the owner continues", async () => {
    await own({
      pause: async () => {
        throw new IllegalCommandError('pause', 'PAUSED', ['resume', 'cancel']);
      },
      cancel: () => {
        throw new Error('thrown at once');
      },
      status: async () => ({ fine: true }),
    });
    await expect(send('pause')).rejects.toMatchObject({
      code: 'CONTROL',
      answerCode: 'ILLEGAL_COMMAND',
      message: expect.stringContaining('resume, cancel'),
    });
    await expect(send('cancel')).rejects.toMatchObject({ answerCode: 'Error' });
    expect(await send('status')).toEqual({ fine: true });
  });

  test('a command that the owner has no handler for is refused', async () => {
    await own({});
    await expect(send('pause')).rejects.toMatchObject({ code: 'CONTROL', answerCode: 'UNKNOWN_COMMAND' });
  });

  test('status is answered while a pause takes its time', async () => {
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let begun = () => {};
    const pausing = new Promise<void>((resolve) => {
      begun = resolve;
    });
    await own(
      {
        pause: async () => {
          begun();
          await finished;
          return { paused: true };
        },
        status: async () => ({ state: 'EXECUTING' }),
      },
      100,
    );
    const paused = send('pause');
    await pausing;
    expect(await send('status')).toEqual({ state: 'EXECUTING' });
    // Longer than a silent visitor is let in.
    const silent = await visit();
    silent.resume();
    await closing(silent);
    finish();
    expect(await paused).toEqual({ paused: true });
  });

  test('an owner that lets go while it obeys still gives its answer', async () => {
    const lock = await own({
      cancel: async () => {
        await lock.release();
        return { cancelled: true };
      },
    });
    expect(await send('cancel')).toEqual({ cancelled: true });
    await expect(send('status')).rejects.toMatchObject({ code: 'NO_OWNER' });
  });

  test('an answer that takes longer than the caller waits is given up', async () => {
    await own({ pause: () => new Promise(() => {}) });
    await expect(send('pause', 20)).rejects.toMatchObject({
      code: 'CONTROL',
      answerCode: undefined,
      message: expect.stringContaining('20 ms'),
    });
  });

  test('without an owner, the error says so, also beside the file of a former owner', async () => {
    await expect(send('pause')).rejects.toMatchObject({ code: 'NO_OWNER', sessionId: SESSION });
    await writeFile(join(directory, 'owner.json'), '{"pid":1,"token":"0"}');
    await expect(send('pause')).rejects.toMatchObject({ code: 'NO_OWNER' });
  });
});

describe('who may command', () => {
  test('without the token, the answer is the pid and nothing else', async () => {
    await own({ status: async () => ({ secret: true }) });
    const socket = await visit();
    socket.write('{"command":"owner"}\n');
    const [answer] = await once(socket, 'data');
    expect(JSON.parse(String(answer))).toEqual({ pid: process.pid });
  });

  test('a wrong, missing or strange token is denied and the handler not called', async () => {
    let calls = 0;
    await own({
      pause: async () => {
        calls++;
        return {};
      },
    });
    const real = await token();
    for (const wrong of [
      undefined,
      '',
      'x',
      real.slice(1),
      `${real} `,
      'f'.repeat(32),
      5,
      null,
      {},
      [real],
    ]) {
      expect(await say(`${JSON.stringify({ token: wrong, command: 'pause' })}\n`)).toEqual(errorOf('DENIED'));
    }
    expect(calls).toBe(0);
    expect(await send('pause')).toEqual({});
    expect(calls).toBe(1);
  });

  test('a damaged owner file is denied, not fatal', async () => {
    await own({ status: async () => ({}) });
    await writeFile(join(directory, 'owner.json'), 'garbage');
    await expect(send('status')).rejects.toMatchObject({ code: 'CONTROL', answerCode: 'DENIED' });
  });
});

describe('hostile visitors', () => {
  let calls: number;
  beforeEach(async () => {
    calls = 0;
    const count = async () => {
      calls++;
      return {};
    };
    await own({ pause: count, cancel: count, status: async () => ({ alive: true }) });
  });
  const stillAlive = async () => {
    expect(await send('status')).toEqual({ alive: true });
    expect(calls).toBe(0);
  };

  test('garbage is answered and the line closed', async () => {
    const garbage: (string | Uint8Array)[] = [
      '\n',
      'hello\n',
      '[]\n',
      '"pause"\n',
      'null\n',
      '{"command":"pause"\n',
      '{"__proto__":{"command":"pause"}}\n',
      `${'['.repeat(2000)}\n`,
      Uint8Array.from([0, 255, 254, 0, 10]),
    ];
    for (const line of garbage) expect(await say(line)).toEqual(errorOf('MALFORMED'));
    await stillAlive();
  });

  test('unknown commands with the right token are refused', async () => {
    for (const command of ['constructor', 'toString', '__proto__', '', 'PAUSE', 7, null, ['pause']]) {
      const line = `${JSON.stringify({ token: await token(), command })}\n`;
      expect(await say(line)).toEqual(errorOf('UNKNOWN_COMMAND'));
    }
    await stillAlive();
  });

  test('a megabyte, with or without line ends, is cut off', async () => {
    const socket = await visit();
    socket.on('error', () => {});
    socket.resume();
    const closed = closing(socket);
    socket.write(Buffer.alloc(1024 * 1024, 'x'));
    await closed;
    const talker = await visit();
    talker.on('error', () => {});
    talker.resume();
    const gone = closing(talker);
    for (let i = 0; i < 1000; i++) talker.write('{"command":"owner"}\n'.repeat(50));
    await gone;
    await stillAlive();
  });

  test('more connections than it takes are closed, and do not free the lock', async () => {
    const owner = await lockSocket(directory, SESSION);
    const sockets = (await Promise.all(Array.from({ length: 60 }, () => owner.owner()))).flatMap(
      (found) => found?.socket ?? [],
    );
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    let open = sockets.length;
    await new Promise<void>((resolve) => {
      for (const socket of sockets) {
        socket.resume();
        socket.on('close', () => --open === 16 && resolve());
      }
    });
    const second = acquireSessionLock({ directory, sessionId: SESSION, handlers: {}, answerTimeoutMs: 1000 });
    await expect(second).rejects.toMatchObject({ code: 'SESSION_LOCKED' });
    const gone = sockets.map((socket) => !socket.closed && closing(socket));
    for (const socket of sockets) socket.destroy();
    await Promise.all(gone);
    // Its end of a connection closes a moment after ours.
    for (;;) {
      const answer = await send('status').catch((error) => error);
      if (answer.alive === true) break;
      expect(answer).toMatchObject({ code: 'CONTROL' });
    }
  });
});

test('a silent visitor is shown out', async () => {
  await own({}, 1);
  const socket = await visit();
  socket.resume();
  await closing(socket);
});
