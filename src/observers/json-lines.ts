/** Events as JSON Lines: one event a line, in order, each line in one write. */
import type { Observer } from 'rxjs';
import type { PipelineEvent } from './events.js';

/**
 * An observer that writes each event as one line of JSON, with its line end.
 * @param output For example `process.stdout`. When its `write` throws, the observer is detached; the run goes on.
 * @example executor.addObserver(jsonLines({ write: (line) => process.stdout.write(line) }));
 */
export function jsonLines(output: { write(line: string): unknown }): Pick<Observer<PipelineEvent>, 'next'> {
  return {
    next(event) {
      output.write(`${JSON.stringify(event)}\n`);
    },
  };
}
