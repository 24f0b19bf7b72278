/** Counts checkpoints in the unmeasured warm-up run, because an observer costs time. */

export function checkpointFigures() {
  let checkpoints = 0;
  let checkpointBytes = 0;
  /** @type {number[]} */
  const milliseconds = [];
  return {
    /** @type {{ next: (event: import('xstate-pipeline').PipelineEvent) => void }} */
    observer: {
      next(event) {
        if (event.type !== 'checkpoint.saved') return;
        checkpoints += 1;
        checkpointBytes = Math.max(checkpointBytes, event.bytes);
        milliseconds.push(event.durationMs);
      },
    },
    figures() {
      const checkpointMs = milliseconds.sort((a, b) => a - b)[milliseconds.length >> 1] ?? 0;
      return { checkpoints, checkpointBytes, checkpointMs };
    },
  };
}
