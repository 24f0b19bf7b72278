/** The last part of `--help`. */
export const EXAMPLES = `
Examples:
  xstate-pipeline run reviews.ts                  run a pipeline; Ctrl-C pauses, saves and prints the resume command
  xstate-pipeline resume last                     resume the newest unfinished session
  xstate-pipeline resume last --explain           show what a resume reuses, reruns or refuses; run nothing
  xstate-pipeline sessions                        list the sessions stored in .xstate-pipeline/
  xstate-pipeline pause last                      from another terminal: pause the process that runs the session
  xstate-pipeline run reviews.ts --json | jq .    print one event per line
  xstate-pipeline run reviews.ts --inspect        watch the run in a page; pause and resume it there
  xstate-pipeline inspect last                    the same for a stored session, or one that another process runs
  xstate-pipeline replay last reviews.ts          check that the current machines take the same steps

While a run is in progress:
  Ctrl-C, SIGTERM or SIGHUP pauses it; again after a second cancels it; a third time ends the process.
  A repeat of the same signal within a second is ignored: npm, yarn and a closed terminal send a signal twice.

A pipeline file, TypeScript or JavaScript:
  import { map, pipeline } from 'xstate-pipeline';
  import { jsonl } from 'xstate-pipeline/node';
  export default pipeline('tidy').from(jsonl('in.jsonl')).pipe(map('trim', row => row)).to(jsonl('out.jsonl'));

Exit codes:
  0 completed   1 the run failed   2 wrong usage, or the file does not load   3 pipeline, input or replay differs
  4 no such session   5 another process runs the session, or writes its output   6 corrupt checkpoint or journal
  7 the run paused by itself: a budget, losses, an exhausted account, a sample; it prints the command that resumes it
  129, 130, 141, 143 paused or cancelled by SIGHUP, SIGINT (or a command), a closed pipe, SIGTERM`;
