/** Pipeline files as a user would write them: for threads and for the command line, which import them. */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const STAGES = {
  W1: `import { derive, normalise, select } from ${from('w1-stages.mjs')};
const steps = (rows) => rows.pipe(map('normalise', normalise)).pipe(map('derive', derive)).pipe(filter('select', select));`,
  W4: `import { fingerprint } from ${from('../throughput/w4-stage.mjs')};
const steps = (rows) => rows.pipe(map('fingerprint', fingerprint));`,
};

/** @param {string} file */
function from(file) {
  return JSON.stringify(new URL(file, import.meta.url).href);
}

/**
 * @param {keyof typeof STAGES} which
 * @param {{ input: string, output: string, dir: string }} places
 */
export function writePipelineFile(which, { input, output, dir }) {
  const file = `${dir}/${which}.mjs`;
  writeFileSync(
    file,
    `import { filter, map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
${STAGES[which]}
export default steps(pipeline('${which}', { batchSize: 4096 }).from(jsonl(${JSON.stringify(input)}))).to(jsonl(${JSON.stringify(output)}));
`,
  );
  return pathToFileURL(file);
}
