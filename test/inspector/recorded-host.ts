/** A host with one real, recorded session in memory. */
import { defineStage } from 'xstate-pipeline';
import type { InspectorHost, SessionCommand, SessionFeed } from '../../src/inspector/host.js';
import { Recorder } from '../../src/recording/recorder.js';
import { harness, type Row } from '../support/runs.js';

export const SESSION = '11111111-2222-4333-8444-555555555555';

export interface RecordedHost extends InspectorHost {
  readonly commands: [id: string, command: SessionCommand][];
  /** Number of open feeds. */
  readonly open: InspectorHost['open'];
  openFeeds: number;
  /** Appends bytes to the recording. */
  append(text: string): void;
  readonly recording: string;
  live: boolean;
}

/** Resolves when a run of so many rows has completed. */
export async function recordedHost({ count = 100, segmentLength = 16_000_000 } = {}): Promise<RecordedHost> {
  const stages = [
    defineStage({ name: 'double', process: (rows: readonly Row[]) => rows.map(({ n }) => ({ n: 2 * n })) }),
  ];
  const { executor, start } = harness(stages, { count, pipeline: { batchSize: 10 } });
  let text = '';
  let time = 1_700_000_000_000;
  const recorder = new Recorder(executor.actor, {
    sink: { write: (lines) => (text += lines) },
    now: () => time++,
    sessionId: SESSION,
    pipeline: 'double',
    stages: ['double'],
    segmentLength,
  });
  executor.addObserver({ next: (event) => recorder.event(event) });
  await start();
  recorder.end('completed');
  return hostOf(text);
}

function hostOf(recording: string): RecordedHost {
  const feeds = new Set<(text: string) => void>();
  return {
    commands: [],
    openFeeds: 0,
    recording,
    live: false,
    append(text) {
      for (const feed of feeds) feed(text);
    },
    async sessions() {
      const times = { startedAt: 1_700_000_000_000, savedAt: 1_700_000_001_000 };
      const counts = { rowsIn: 100, rowsOut: 100, recorded: true, live: this.live };
      return [{ id: SESSION, pipeline: 'double <b>', state: 'COMPLETED', ...times, ...counts }];
    },
    async open(id): Promise<SessionFeed> {
      if (id !== SESSION) throw new Error(`No session ${id}.`);
      this.openFeeds++;
      const waiting = [recording];
      let wake = () => {};
      let isClosed = false;
      let catchUp = () => {};
      const caughtUp = new Promise<void>((resolve) => {
        catchUp = resolve;
      });
      const push = (text: string) => {
        waiting.push(text);
        wake();
      };
      feeds.add(push);
      const close = () => {
        if (isClosed) return;
        isClosed = true;
        this.openFeeds--;
        feeds.delete(push);
        wake();
      };
      async function* chunks() {
        while (!isClosed) {
          for (const text of waiting.splice(0)) yield new TextEncoder().encode(text);
          catchUp();
          if (!isClosed)
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      }
      return { chunks: chunks(), caughtUp, close };
    },
    async command(id, command) {
      this.commands.push([id, command]);
      return { ok: true, message: `${command}: done.` };
    },
    async checkpoint() {
      return { state: 'COMPLETED', note: '</script><b>' };
    },
  };
}
