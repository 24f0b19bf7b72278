/** What `--help` ends with. */
export const EXAMPLES = `
Examples:
  xstate-pipeline run reviews.ts                  run it; Ctrl-C pauses, saves, and says how to resume
  xstate-pipeline resume last                     go on with the newest session that is not finished
  xstate-pipeline resume 3f0c --explain           what would be reused, run again or refused; runs nothing
  xstate-pipeline sessions                        what is stored in .xstate-pipeline/
  xstate-pipeline pause last                      from another terminal: pause the process that runs it
  xstate-pipeline run reviews.ts --json | jq .    one event a line
  xstate-pipeline run reviews.ts --inspect        watch it in a page, pause and resume it there
  xstate-pipeline inspect last                    the same for what is stored, or runs elsewhere
  xstate-pipeline replay last reviews.ts          would the machines of today take the same way?

A pipeline file, TypeScript or JavaScript:
  import { map, pipeline } from 'xstate-pipeline';
  import { jsonl } from 'xstate-pipeline/node';
  export default pipeline('tidy').from(jsonl('in.jsonl')).pipe(map('trim', row => row)).to(jsonl('out.jsonl'));

Exit codes:
  0 completed   1 the run failed   2 wrong usage, or the file does not load   3 pipeline, input or replay differ
  4 no such session   5 another process has it, or its output   6 corrupt checkpoint
  129, 130, 141, 143 paused or cancelled by SIGHUP, SIGINT (or a command), a closed pipe, SIGTERM`;
