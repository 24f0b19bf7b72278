/**
 * `--json`: events as lines on standard output, `pipeline.started` first. Earlier events (the first checkpoint, a notice) wait
 * for it. If the session never starts, they are printed when the run ends.
 */
import type { Observer } from 'rxjs';
import type { PipelineEvent } from '../../observers/events.js';
import { jsonLines } from '../../observers/json-lines.js';

export interface StartedFirst extends Pick<Observer<PipelineEvent>, 'next'> {
  /** Writes the waiting events. */
  release(): void;
}

export function startedFirst(output: { write(line: string): unknown }): StartedFirst {
  const lines = jsonLines(output);
  let waiting: PipelineEvent[] | undefined = [];
  const release = () => {
    const events = waiting ?? [];
    waiting = undefined;
    for (const event of events) lines.next(event);
  };
  return {
    next(event) {
      if (waiting === undefined) lines.next(event);
      else if (event.type === 'pipeline.started') {
        lines.next(event);
        release();
      } else waiting.push(event);
    },
    release,
  };
}
