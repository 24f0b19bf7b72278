/**
 * Writes the corpus of the current version: `node test/history/record.mjs`, after a build, at each release.
 *
 * `test/history/versions/<version>/<run>/` holds what each of the runs in `runs.mjs` left on the disk: input, output or its part file,
 * checkpoints, journal, recording. `corpus.test.ts` replays every recording on the machines of today, and resumes every
 * checkpoint. A released version's folder is never written again: a file of it that breaks is a user's session that breaks.
 *
 * Before a release the folder of the version to come may become stale, because a machine was changed on purpose: then it is
 * simply recorded again, with this script. The same machines write the same bytes, so `git diff` shows what has changed.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestExecutor } from 'xstate-pipeline/testing';
import { INPUT, input, runs, whole } from './runs.mjs';

const MAX_BYTES = 1024 * 1024;

const here = fileURLToPath(new URL('.', import.meta.url));
const { version } = JSON.parse(readFileSync(join(here, '../../package.json'), 'utf8'));

/** The space that a journal reserves ahead is zeros, which nothing else ends with, and would be most of the corpus.
 * @param {Uint8Array} bytes */
function withoutReserved(bytes) {
  return bytes.subarray(0, bytes.findLastIndex((byte) => byte !== 0) + 1);
}

for (const [name, { script, run }] of Object.entries(runs)) {
  const test = createTestExecutor(whole, { files: { [INPUT]: input }, script });
  test.executor.record();
  await run(test);
  const home = join(here, 'versions', version, name);
  rmSync(home, { recursive: true, force: true });
  const { disk, sessionId = '' } = test;
  let bytes = 0;
  for (const path of disk.files()) {
    const found = await disk.readFile(path, MAX_BYTES);
    // The pid differs from recording to recording.
    const contents = path.endsWith('.jsonl')
      ? (disk.text(path) ?? '').replace(/"pid":\d+/g, '"pid":1')
      : withoutReserved(found);
    const kept = path.startsWith('/srv/history/')
      ? `files/${path.slice('/srv/history/'.length)}`
      : `session/${path.slice(path.indexOf(sessionId) + sessionId.length + 1)}`;
    mkdirSync(dirname(join(home, kept)), { recursive: true });
    writeFileSync(join(home, kept), contents);
    bytes += contents.length;
  }
  console.log(`${version}/${name}: ${test.state}, ${bytes} bytes`);
}
