/** A run that is recorded into memory, and beside it what its actors really were at each microstep. */
import type { AnyStage, PipelineExecutor } from 'xstate-pipeline';
import type { RecordingSink } from '../../src/recording/format.js';
import { RecordingReader } from '../../src/recording/reader.js';
import { Recorder, type RecorderOptions } from '../../src/recording/recorder.js';
import type { Row } from '../support/runs.js';

export interface Witnessed {
  readonly actor: string;
  readonly value: unknown;
  readonly context: unknown;
}

export const SESSION = '11111111-2222-4333-8444-555555555555';

/** Collects lines. */
export function textSink(): RecordingSink & { text: string } {
  return {
    text: '',
    write(lines) {
      this.text += lines;
    },
  };
}

export function readerOf(text: string): RecordingReader {
  const reader = new RecordingReader();
  reader.append(new TextEncoder().encode(text));
  return reader;
}

export function recordOf(
  executor: PipelineExecutor<Row>,
  stages: readonly AnyStage[],
  sink: RecordingSink,
  options: Partial<RecorderOptions> = {},
): Recorder {
  let time = 1_700_000_000_000;
  return new Recorder(executor.actor, {
    sink,
    now: () => time++,
    sessionId: SESSION,
    pipeline: 'test',
    stages: stages.map(({ name }) => name),
    ...options,
  });
}

/** What the executor and its stages are after each microstep, copied at once. */
export function observeSteps({ actor }: PipelineExecutor<Row>): Witnessed[] {
  const seen: Witnessed[] = [];
  actor.system.inspect((event) => {
    if (event.type !== '@xstate.microstep') return;
    const { value, context } = event.snapshot as unknown as { value: unknown; context: object };
    const name = event.actorRef === actor ? 'executor' : (event.actorRef as unknown as { id: string }).id;
    seen.push({ actor: name, value, context: JSON.parse(JSON.stringify(context)) });
  });
  return seen;
}
