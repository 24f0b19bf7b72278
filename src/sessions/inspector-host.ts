/**
 * The inspector's view of a state directory.
 *
 * 1. It reads stored sessions and sends commands to their owners over the control channel. It takes no lock and writes nothing.
 * 2. Opening a running session starts its recording. Of a session without a recording, it shows the checkpoint.
 * 3. `resume` starts the command line as a detached process.
 */
import { join } from 'node:path';
import { sendControl } from '../checkpoint/lock/control-client.js';
import type { ControlCommand } from '../checkpoint/lock/lock.js';
import { recordingFeed } from '../checkpoint/recording-log/recording-feed.js';
import { assertSessionId } from '../checkpoint/session-id.js';
import { StateManager } from '../checkpoint/state-manager.js';
import { lowdbStorage } from '../checkpoint/storages/lowdb-storage.js';
import type { JsonObject } from '../formats/json.js';
import { checkpointRecording } from '../history/checkpoint-recording.js';
import { grouped } from '../observers/progress/terminal-text.js';
import { concurrently } from '../platform/concurrently.js';
import { nodeFileSystem } from '../platform/node-file-system.js';
import { messageOf } from '../platform/thrown.js';
import { canResume } from './can-resume.js';
import { PATIENCE_MS } from './control-session.js';
import { sessionCommand } from './invocation.js';
import { newestWithOwners, type SessionWithOwner } from './listing/list-sessions.js';
import { ownerOf } from './owner.js';
import { storedMark } from './stored-metrics.js';

/** A session in the list. Times are milliseconds since the epoch. */
export interface InspectedSession {
  readonly id: string;
  /** Empty when the checkpoint is damaged. */
  readonly pipeline: string;
  /** The stored state, or the state reported by the owner; `CORRUPT` when the checkpoint cannot be read. */
  readonly state: string;
  readonly startedAt: number;
  readonly savedAt: number;
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** Rows that errors cost. */
  readonly lost: number;
  readonly error?: string;
  /** A process runs it now. */
  readonly live: boolean;
  readonly recorded: boolean;
  /** Whether the command `resume` can be granted: nothing runs it, and its pipeline file is known. */
  readonly canResume: boolean;
  /** Commands to copy into a terminal. */
  readonly commandLines: {
    readonly inspect: string;
    readonly resume?: string;
    readonly fork?: string;
    readonly redrive?: string;
  };
}

/** The bytes of a recording: the existing ones, then those appended by any process, until `close`. */
export interface InspectedFeed {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Resolves when the bytes that existed are consumed: `chunks` waits for new ones. Absent: it ends after them. */
  readonly caughtUp?: Promise<void>;
  /** Ends `chunks`. */
  close(): void;
}

/** A command of the inspector to a session. */
export type InspectorCommand = 'pause' | 'resume' | 'cancel';

/** The sessions, as the inspector's server needs them. */
export interface InspectorHost {
  /** The 200 that were started last, newest first. */
  sessions(): Promise<readonly InspectedSession[]>;
  /** @throws {CheckpointNotFoundError | CorruptCheckpointError} when there is nothing to show. */
  open(id: string): Promise<InspectedFeed>;
  /** Never rejects; the message reports the outcome. */
  command(id: string, command: InspectorCommand): Promise<{ readonly ok: boolean; readonly message: string }>;
  /** The stored checkpoint. @throws {CheckpointNotFoundError | CorruptCheckpointError} */
  checkpoint(id: string): Promise<unknown>;
}

/** Options of `inspectorHost`. */
export interface InspectorHostOptions {
  /** Default `.xstate-pipeline`. */
  readonly stateDir?: string;
}

/** The list asks every owner, and shows what is stored of one that does not answer. */
const STATUS_PATIENCE_MS = 1_000;
/** Sessions in the list (I25), and how many are asked at once. */
const MAX_LISTED = 200;
const AT_ONCE = 32;
const LOOK_AGAIN_MS = 150;
/** Looks without new bytes, after which a new owner is asked to record. */
const LOOKS = 15;

/** The sessions of a state directory, for `@xstate-pipeline/inspector` to serve.
 * @example await serveInspector(inspectorHost({ stateDir: '.xstate-pipeline' })) */
export function inspectorHost({ stateDir = '.xstate-pipeline' }: InspectorHostOptions = {}): InspectorHost {
  const stateManager = new StateManager(lowdbStorage(stateDir));
  const { storage } = stateManager;
  const isRecorded = async (id: string) => (await storage.isRecorded?.(id)) ?? false;
  const send = (sessionId: string, command: ControlCommand): Promise<JsonObject> => {
    assertSessionId(sessionId, storage.label);
    const directory = join(stateDir, sessionId);
    const timeoutMs = command === 'status' ? STATUS_PATIENCE_MS : PATIENCE_MS[command];
    return sendControl({ directory, sessionId, command, timeoutMs });
  };
  /** @returns whether an owner records the session. */
  const askToRecord = (id: string): Promise<boolean> =>
    send(id, 'record').then(
      () => true,
      // No owner, a busy one, or one of another release: the stored data is shown.
      () => false,
    );

  return {
    async sessions() {
      const listed = await newestWithOwners(stateManager, stateDir, MAX_LISTED);
      return concurrently(listed, AT_ONCE, async (session) => {
        const id = session.summary.sessionId;
        const status = session.owner === undefined ? {} : await send(id, 'status').catch(() => ({}));
        return inspectedSession(session, status, await isRecorded(id), stateDir);
      });
    },

    async open(id) {
      assertSessionId(id, storage.label);
      const isAsked = await askToRecord(id);
      const head =
        isAsked || (await isRecorded(id))
          ? ''
          : checkpointRecording((await stateManager.loadCheckpoint(id)).checkpoint);
      return feed(join(stateDir, id), head, () => askToRecord(id));
    },

    async command(id, command) {
      try {
        assertSessionId(id, storage.label);
        if (command === 'resume') {
          if ((await ownerOf(stateDir, id)) !== undefined)
            return {
              ok: false,
              message: 'A process holds this session. Resume it in that process, or end the process first.',
            };
          const { resumeDetached } = await import('./resume-detached.js');
          return await resumeDetached(id, stateDir);
        }
        const { rowsIn, rowsOut } = await send(id, command);
        const done = command === 'pause' ? 'Paused' : 'Cancelled';
        const rows = `${grouped(Number(rowsIn))} rows in, ${grouped(Number(rowsOut))} out are saved`;
        return { ok: true, message: `${done}: ${rows}.` };
      } catch (error) {
        return { ok: false, message: messageOf(error) };
      }
    },

    async checkpoint(id) {
      return (await stateManager.loadCheckpoint(id)).checkpoint;
    },
  };
}

function feed(directory: string, head: string, askToRecord: () => Promise<boolean>): InspectedFeed {
  let isClosed = false;
  let wake = () => {};
  let looks = 0;
  let catchUp = () => {};
  const caughtUp = new Promise<void>((resolve) => {
    catchUp = resolve;
  });
  const pause = async () => {
    catchUp();
    if (!isClosed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_AGAIN_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    if (!isClosed && ++looks % LOOKS === 0) await askToRecord();
    return !isClosed;
  };
  async function* chunks() {
    if (head !== '') yield new TextEncoder().encode(head);
    for await (const bytes of recordingFeed({ fileSystem: nodeFileSystem, directory, pause })) {
      if (isClosed) return;
      yield bytes;
    }
  }
  const all = chunks();
  return {
    chunks: all,
    caughtUp,
    close() {
      isClosed = true;
      wake();
      // The reader may never ask for the next chunk: close the open files now.
      all.return().catch(() => {});
    },
  };
}

function inspectedSession(
  { summary, owner }: SessionWithOwner,
  status: JsonObject,
  recorded: boolean,
  stateDir: string,
): InspectedSession {
  const { sessionId: id } = summary;
  const live = owner !== undefined;
  const inspect = sessionCommand('inspect', id, stateDir);
  if (summary.state === 'CORRUPT') {
    const unknown = { pipeline: '', startedAt: 0, savedAt: 0, rowsIn: 0, rowsOut: 0, lost: 0 };
    const no = { canResume: false, commandLines: { inspect } };
    return { id, ...unknown, ...no, state: 'CORRUPT', error: summary.reasons.join('; '), live, recorded };
  }
  const { pipeline, pipelineFile, startedAt, savedAt, error, checkpoint } = summary;
  const mark = storedMark(checkpoint);
  const state = typeof status.state === 'string' ? status.state : summary.state;
  const rowsIn = typeof status.rowsIn === 'number' ? status.rowsIn : (mark?.rowsIn ?? 0);
  const rowsOut = typeof status.rowsOut === 'number' ? status.rowsOut : (mark?.rowsOut ?? 0);
  const lost = mark?.losses.total ?? 0;
  const deadLettered = mark?.stages.reduce((sum, stage) => sum + stage.deadLettered, 0) ?? 0;
  const isResumable = !live && canResume(summary);
  const file = pipelineFile === undefined ? ['FILE'] : [];
  const commandLines = {
    inspect,
    ...(isResumable ? { resume: sessionCommand('resume', id, stateDir, ...file) } : {}),
    ...(recorded ? { fork: sessionCommand('fork', id, stateDir, ...file, '--from', 'BATCH') } : {}),
    ...(state === 'COMPLETED' && deadLettered > 0
      ? { redrive: sessionCommand('redrive', id, stateDir, ...file) }
      : {}),
  };
  return {
    ...{ id, pipeline, state, startedAt, savedAt, rowsIn, rowsOut, lost, live, recorded },
    ...{ canResume: isResumable && pipelineFile !== undefined, commandLines },
    ...(error === undefined ? {} : { error: error.message }),
  };
}
