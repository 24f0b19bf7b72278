/** A run that takes long enough to be stopped: its rows, its output, and the command that resumes it. */
export const ROWS = 4000;
export const GOLDEN = Array.from(
  { length: ROWS },
  (_, i) => `${JSON.stringify({ n: i * 2, word: `row ${i}` })}\n`,
).join('');
/** The command, in what a stopped run prints. */
export const RESUME = /^ {2}resume {2}(.+)$/m;
