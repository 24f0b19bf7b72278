/**
 * What the child process of `run --inspect` does: serves the page. Laying charts out, indexing the recording and answering
 * viewers take nothing from the run, which only writes its recording.
 *
 * 1. It lives as long as the channel to the run's process: whatever ends that, a kill -9 included, ends this one.
 * 2. A terminal sends its signals to every process in it; they are the run's to answer, so here they do nothing.
 * 3. What it shows it reads from the disk, and commands go over the session's control channel (I10), like anybody's.
 *    Only what nobody else can do is asked of the run: to resume what is paused in its own process.
 */
import { setPriority } from 'node:os';
import type { InspectorHost } from '../../sessions/inspector-host.js';
import type { FromInspector, ToInspector } from './inspector-messages.js';

/** A third of what the run gets of a processor that both want: at 10, on a busy machine, a page came after 20 s. */
const GIVES_WAY = 5;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit());

/** A channel that is closed meanwhile ends the process by itself. */
const tell = (message: FromInspector, told: () => void = () => {}) => process.send?.(message, told);

async function fail(error: unknown): Promise<void> {
  const { serializeError } = await import('../../executor/fusion/thread-job.js');
  tell({ type: 'failed', error: serializeError(error) }, () => process.exit(1));
}

for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => void fail(error));

async function serve(stateDir: string): Promise<void> {
  // Only now: until the handlers stand, a Ctrl-C would end this process.
  const { inspectorPackage } = await import('./inspector-package.js');
  const { serveInspector } = await inspectorPackage();
  let ownSession: string | undefined;
  let asked = 0;
  const waiting = new Map<number, (isDone: boolean) => void>();
  const resumeThere = (session: string) =>
    new Promise<boolean>((resolve) => {
      waiting.set(++asked, resolve);
      tell({ type: 'resume', number: asked, session });
    });
  process.on('message', (message: ToInspector) => {
    if (message.type === 'session') ownSession = message.session;
    else {
      waiting.get(message.number)?.(message.isDone);
      waiting.delete(message.number);
    }
  });
  const resumed = async (id: string) => id === ownSession && (await resumeThere(id));
  const host = lateHost(stateDir, resumed);
  const inspector = await serveInspector(host, { commands: true, session: () => ownSession });
  inspector.onViewers((count) => tell({ type: 'viewers', count }));
  tell({ type: 'listening', url: inspector.url });
  // From now on the run goes first where both want a processor.
  setPriority(GIVES_WAY);
  await host.load();
}

/** What it takes to read sessions is loaded beside the run, which waits for the address alone.
 * @param resumed whether the run itself has gone on. */
function lateHost(
  stateDir: string,
  resumed: (id: string) => Promise<boolean>,
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
    sessions: async () => (await host()).sessions(),
    open: async (id) => (await host()).open(id),
    checkpoint: async (id) => (await host()).checkpoint(id),
    async command(id, command) {
      if (command === 'resume' && (await resumed(id))) return { ok: true, message: 'Resumed.' };
      return (await host()).command(id, command);
    },
  };
}

await serve(process.argv[2] ?? '').catch(fail);
