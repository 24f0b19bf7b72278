/** A recording outside any state directory, as the only session of an inspector's host. */
import type { JsonObject } from '../../formats/json.js';
import { openRecording } from '../../history/open-recording.js';
import { EXECUTOR } from '../../recording/format.js';
import type { InspectorHost } from '../../sessions/inspector-host.js';
import { programName, quoted } from '../../sessions/invocation.js';

/** @param path a segment, the folder of segments, or the folder of a session.
 * @throws {RecordingError} when there is no recording. */
export async function recordingHost(path: string): Promise<InspectorHost> {
  const chunks: Uint8Array[] = [];
  const reader = await openRecording(path, (bytes) => chunks.push(bytes));
  const { sessionId, pipeline, from, to, series } = reader.summary();
  const { state, context } = reader.frameAt(reader.length - 1).actors[EXECUTOR] ?? {};
  const { rowsIn = 0, rowsOut = 0 } = series.at(-1) ?? {};
  const own = { lost: lostOf(context), canResume: false };
  const commandLines = { inspect: `${programName()} inspect ${quoted(path)}` };
  const fields = {
    ...own,
    commandLines,
    startedAt: from,
    savedAt: to,
    rowsIn,
    rowsOut,
    live: false,
    recorded: true,
  };
  const session = { id: sessionId, pipeline, state: typeof state === 'string' ? state : '?', ...fields };
  return {
    sessions: async () => [session],
    async open() {
      return { chunks: iterated(chunks), close() {} };
    },
    command: async () => ({ ok: false, message: 'A recording takes no commands.' }),
    checkpoint: async () => null,
  };
}

function lostOf(context: JsonObject | undefined): number {
  const { losses } = (context?.written ?? {}) as { readonly losses?: { readonly total?: unknown } };
  return typeof losses?.total === 'number' ? losses.total : 0;
}

async function* iterated(chunks: readonly Uint8Array[]) {
  yield* chunks;
}
