/** A recording of a real run with so many stages, whose names have so many characters. It loses rows and repeats attempts. */
import { defineStage } from 'xstate-pipeline';
import { layoutChart } from '../../../src/inspector/layout.js';
import type { ExportedSession } from '../../../src/inspector/protocol.js';
import { Recorder } from '../../../src/recording/recorder.js';
import { readerOver } from '../../support/recorded-session.js';
import { harness, type Row } from '../../support/runs.js';

const SESSION = '11111111-2222-4333-8444-555555555555';

export async function stagedRecording(
  stages: number,
  nameLength: number,
): Promise<{ text: string; exported: ExportedSession }> {
  const nameOf = (i: number) => `stage-${i}-${'a-very-long-name-of-a-stage-'.repeat(3)}`.slice(0, nameLength);
  const names = Array.from({ length: stages }, (_, i) => nameOf(i));
  const defined = names.map((name) =>
    defineStage<Row, Row>({
      name,
      onError: 'skip',
      retry: { attempts: 2, initialDelayMs: 1, jitter: false },
      process: (rows) => {
        if (rows.some(({ n }) => n === 17)) throw new Error(`no answer for "${'x'.repeat(120)}"`);
        return rows;
      },
    }),
  );
  const { executor, start } = harness(defined, { count: 60, pipeline: { batchSize: 4 } });
  let text = '';
  let time = 1_700_000_000_000;
  const recorder = new Recorder(executor.actor, {
    sink: { write: (lines) => (text += lines) },
    now: () => (time += 7),
    sessionId: SESSION,
    pipeline: `pipeline-${'with-a-long-name-'.repeat(4)}`.slice(0, nameLength),
    stages: names,
  });
  executor.addObserver({ next: (event) => recorder.event(event) });
  await start();
  recorder.end('completed');
  const { definitions, pipeline, from, to } = readerOver(text).summary();
  const charts: Record<string, Awaited<ReturnType<typeof layoutChart>>> = {};
  for (const [id, definition] of Object.entries(definitions)) charts[id] = await layoutChart(definition);
  const line = `xstate-pipeline redrive ${SESSION} --state-dir /a/long/path/to/a/state/directory`;
  const session = {
    ...{ id: SESSION, pipeline, state: 'COMPLETED', startedAt: from, savedAt: to, rowsIn: 60, rowsOut: 56 },
    ...{ live: false, recorded: true, commandLines: { fork: `${line} --from BATCH`, redrive: line } },
  };
  return { text, exported: { protocol: 2, version: '0.0.0', at: to, session, charts, checkpoint: null } };
}
