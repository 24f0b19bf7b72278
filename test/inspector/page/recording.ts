/** One real recording for all tests of the page, made once a file. */
import { layoutChart } from '../../../src/inspector/layout.js';
import { memoryFeed } from '../../../src/inspector/page/memory-feed.js';
import type { ExportedSession } from '../../../src/inspector/protocol.js';
import type { RecordingReader } from '../../../src/recording/reader.js';
import { readerOver, recordedSession, type SessionOptions } from '../../support/recorded-session.js';

export interface Recorded {
  readonly text: string;
  readonly reader: RecordingReader;
  readonly exported: ExportedSession;
}

export async function recorded(options: Partial<SessionOptions> = {}): Promise<Recorded> {
  const text = await recordedSession({ batches: 60, ...options });
  const reader = readerOver(text);
  const { definitions, sessionId, pipeline, from, to } = reader.summary();
  const charts: Record<string, Awaited<ReturnType<typeof layoutChart>>> = {};
  for (const [id, definition] of Object.entries(definitions)) charts[id] = await layoutChart(definition);
  const session = {
    ...{ id: sessionId, pipeline, state: 'COMPLETED', startedAt: from, savedAt: to, rowsIn: 0, rowsOut: 0 },
    ...{ live: false, recorded: true },
  };
  const exported = {
    protocol: 1,
    version: '0.0.0',
    at: to,
    session,
    charts,
    checkpoint: { state: 'COMPLETED' },
  };
  return { text, reader, exported };
}

/** The feed of an exported file, with the number of its requests. */
export function countedFeed({ reader, exported }: Recorded) {
  const asked = { frame: 0, find: 0, indexAtTime: 0 };
  const feed = memoryFeed(reader, exported);
  return {
    asked,
    feed: {
      ...feed,
      frame: (index: number) => {
        asked.frame++;
        return feed.frame(index);
      },
      find: (...args: Parameters<typeof feed.find>) => {
        asked.find++;
        return feed.find(...args);
      },
      indexAtTime: (at: number) => {
        asked.indexAtTime++;
        return feed.indexAtTime(at);
      },
    },
  };
}
