/** Events as JSON Lines: one event a line, in order, each line in one write. */
import type { Observer } from 'rxjs';
import type { PipelineEvent } from './events.js';
import { isBroken, type OutputStream, watchStream } from './output-stream.js';

/**
 * An observer that writes each event as one line of JSON.
 * @param output for example `process.stdout`. If its reader goes away, the observer writes nothing more. If `write` throws,
 * the observer is detached. The run continues in both cases (I11).
 * @example executor.addObserver(jsonLines(process.stdout));
 */
export function jsonLines(output: OutputStream): Pick<Observer<PipelineEvent>, 'next'> {
  watchStream(output);
  return {
    next(event) {
      if (!isBroken(output)) output.write(`${JSON.stringify(event)}\n`);
    },
  };
}
