/**
 * The child process of `run --inspect`. It serves the page, so that layout, indexing and viewers cost the run nothing.
 *
 * 1. The process ends when the channel to the run's process closes, also after `kill -9`. Before, it tells its pages that no
 *    process runs the session any more.
 * 2. It ignores signals: a terminal sends them to the whole process group, and the run handles them.
 * 3. It reads from the disk, and sends commands over the session's control channel (I10).
 *    It asks the run directly for one thing: to resume a session that is paused in the run's process.
 */
import { setPriority } from 'node:os';
import type { InspectedSession, InspectorHost } from '../../sessions/inspector-host.js';
import type { FromInspector, ToInspector } from './inspector-messages.js';

/** Niceness: a third of the run's share of a busy processor. At 10, a page took 20 s to load on a busy machine. */
const LOW_PRIORITY = 5;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
let closeServer = async (): Promise<void> => {};
process.on('disconnect', () => void closeServer().finally(() => process.exit()));

/** Sends to the run. A closed channel ends this process. */
const send = (message: FromInspector, onSent: () => void = () => {}) => process.send?.(message, onSent);

async function fail(error: unknown): Promise<void> {
  const { serializeError } = await import('../../executor/fusion/serialized-error.js');
  send({ type: 'failed', error: serializeError(error) }, () => process.exit(1));
}

for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => void fail(error));

async function serve(stateDir: string): Promise<void> {
  // Loaded after the signal handlers are set: until then a Ctrl-C would end this process.
  const { inspectorPackage } = await import('./inspector-package.js');
  const { serveInspector } = await inspectorPackage();
  let ownSession: string | undefined;
  let asked = 0;
  const waiting = new Map<number, (isDone: boolean) => void>();
  const resumeThere = (session: string) =>
    new Promise<boolean>((resolve) => {
      waiting.set(++asked, resolve);
      send({ type: 'resume', number: asked, session });
    });
  process.on('message', (message: ToInspector) => {
    if (message.type === 'session') ownSession = message.session;
    else {
      waiting.get(message.number)?.(message.isDone);
      waiting.delete(message.number);
    }
  });
  const resumed = async (id: string) => id === ownSession && (await resumeThere(id));
  const host = lateHost(stateDir, resumed, (session) =>
    session.id === ownSession && session.live
      ? { ...session, canResume: session.state === 'PAUSED' }
      : session,
  );
  const inspector = await serveInspector(host, { commands: true, session: () => ownSession });
  closeServer = () => inspector.close();
  inspector.onViewers((count) => send({ type: 'viewers', count }));
  send({ type: 'listening', url: inspector.url });
  setPriority(LOW_PRIORITY);
  await host.load();
}

/** A host that loads on first use, because the run waits for the address only.
 * @param resumed asks the run to resume. @param withOwn adds what is known of the run's own session. */
function lateHost(
  stateDir: string,
  resumed: (id: string) => Promise<boolean>,
  withOwn: (session: InspectedSession) => InspectedSession,
): InspectorHost & { load(): Promise<unknown> } {
  let loaded: Promise<InspectorHost> | undefined;
  const host = () => {
    loaded ??= import('../../sessions/inspector-host.js').then(({ inspectorHost }) =>
      inspectorHost({ stateDir }),
    );
    return loaded;
  };
  return {
    load: host,
    sessions: async () => (await (await host()).sessions()).map(withOwn),
    open: async (id) => (await host()).open(id),
    checkpoint: async (id) => (await host()).checkpoint(id),
    async command(id, command) {
      if (command === 'resume' && (await resumed(id))) return { ok: true, message: 'Resumed.' };
      return (await host()).command(id, command);
    },
  };
}

// Commands to copy name the program that runs, not this one.
process.argv[1] = process.argv[3] ?? '';
await serve(process.argv[2] ?? '').catch(fail);
