/** The files of a new project: a pipeline, its input, its tests, a README. */

/** What differs from project to project. */
export interface ProjectVersions {
  /** Name of the project's package. */
  readonly name: string;
  /** Version of this package. */
  readonly version: string;
  /** Version range of XState. */
  readonly xstate: string;
  /** Version range of jiti, which runs TypeScript tests on every supported Node. */
  readonly jiti: string;
}

/** @returns file name to text. */
export function projectFiles({
  name,
  version,
  xstate,
  jiti,
}: ProjectVersions): Readonly<Record<string, string>> {
  const manifest = {
    name,
    private: true,
    type: 'module',
    scripts: {
      start: 'xstate-pipeline run pipeline.ts',
      resume: 'xstate-pipeline resume last',
      test: 'node --import jiti/register --test pipeline.test.ts',
    },
    dependencies: { 'xstate-pipeline': `^${version}`, xstate },
    devDependencies: { jiti },
  };
  return {
    'package.json': `${JSON.stringify(manifest, null, 2)}\n`,
    'pipeline.ts': PIPELINE,
    'pipeline.test.ts': TEST,
    'reviews.jsonl': REVIEWS.map((text, id) => `${JSON.stringify({ id, text })}\n`).join(''),
    'README.md': readme(name),
    '.gitignore': IGNORED,
  };
}

const PIPELINE = `import { defineStage, map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';

interface Review {
  readonly id: number;
  readonly text: string;
}

const tidy = map('tidy', (review: Review) => ({ ...review, text: review.text.trim() }));

const label = defineStage({
  name: 'label',
  version: '1', // increase it when the results change
  durable: true, // journaled: a finished batch is never processed again, also after a crash
  concurrency: 4, // batches at once
  retry: { attempts: 3 },
  // Put the call of your service here.
  process: async (reviews: Review[]) =>
    reviews.map((review) => ({ ...review, label: review.text.includes('!') ? 'loud' : 'calm' })),
});

export default pipeline('reviews', { batchSize: 2 })
  .from(jsonl<Review>('reviews.jsonl'))
  .pipe(tidy)
  .pipe(label)
  .to(jsonl('labelled.jsonl'));
`;

const TEST = `import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { assertNoSecondInvocation, createTestExecutor, stall } from 'xstate-pipeline/testing';
import reviews from './pipeline.ts';

// In memory: no file is written, and no test waits.
const files = { 'reviews.jsonl': readFileSync(new URL('reviews.jsonl', import.meta.url), 'utf8') };

test('every review gets a label', async () => {
  const run = createTestExecutor(reviews, { files });
  const { metrics, data } = await run.execute();
  assert.equal(metrics.rowsOut, 5);
  assert.deepEqual((await data.toArray())[0], { id: 0, text: 'Does what it says.', label: 'calm' });
});

test('a power loss loses no review, and labels none twice', async () => {
  const run = createTestExecutor(reviews, { files, script: { label: { 1: [stall()] } } });
  run.execute();
  await run.settle(); // everything but batch 1 is done
  run.crash({ powerLoss: true }).restart();
  const { metrics } = await run.resume();
  assert.equal(metrics.rowsOut, 5);
  assertNoSecondInvocation(run);
});
`;

const REVIEWS = ['  Does what it says.', 'Loud!', 'Too slow, at best ', 'A joy to use!', 'fine'];

const IGNORED = 'node_modules/\n.xstate-pipeline/\nlabelled.jsonl*\n';

const readme = (name: string) => `# ${name}

A pipeline that labels reviews, built with xstate-pipeline.

\`\`\`sh
npm install
npm start        # reviews.jsonl -> labelled.jsonl; Ctrl-C pauses and saves
npm run resume   # resumes the newest unfinished run
npm test         # in memory: the labels, and a power loss
\`\`\`

\`pipeline.ts\` is the pipeline. Replace the function of the stage \`label\` with the call of your service.
`;
