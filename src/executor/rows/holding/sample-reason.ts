/** The reason of the pause after a sample. */
import type { HoldReason } from '../../../../machines/context.js';

export function sampleReason(rows: number): HoldReason {
  return {
    kind: 'sample',
    message: `The sample of ${rows} rows is done.`,
    advice:
      'Look at the output and at the projection, then resume: the rows of the sample are not worked on again.',
  };
}
