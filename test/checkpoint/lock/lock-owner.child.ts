/**
 * A process that owns a session, for the lock's tests. Arguments: the session's directory, its id, the platform whose
 * socket it uses. It prints `owned` or the error's code; `block` on standard input blocks its event loop forever.
 */
import { acquireSessionLock } from '../../../src/checkpoint/lock/session-lock.js';

const [directory = '', sessionId = '', platform] = process.argv.slice(2);

try {
  await acquireSessionLock({
    directory,
    sessionId,
    platform: platform as NodeJS.Platform,
    handlers: { status: async () => ({ state: 'EXECUTING', pid: process.pid }) },
  });
  process.stdout.write('owned\n');
} catch (error) {
  const { code, pid } = error as { code?: string; pid?: number };
  process.stdout.write(`${code} ${pid}\n`);
}

process.stdin.once('data', (text) => {
  if (String(text).startsWith('end')) process.stdin.destroy();
  if (String(text).startsWith('block')) {
    process.stdout.write('blocked\n', () => {
      for (;;);
    });
  }
});
