/** The disk of a test executor's first process, and the pipeline around stages that are tested alone. */
import { resolve } from 'node:path';
import type { PipelineLike } from '../../executor/definition.js';
import { jsonl } from '../../executor/endpoints/files.js';
import { SimulatedDisk } from '../disk/simulated-disk.js';
import { TestingError } from '../errors.js';
import type { TestExecutorOptions } from './options.js';
import { STATE_DIRECTORY } from './test-process.js';

const INPUT = 'in.jsonl';
const OUTPUT = 'out.jsonl';

/** The pipeline around stages alone. */
export function pipelineInMemory(): PipelineLike {
  return { name: 'test', source: jsonl(INPUT), sink: jsonl(OUTPUT) };
}

/** The options' files, and the rows for stages alone. */
export function initialDisk(
  { files = {}, rows, seed = 1 }: TestExecutorOptions,
  isWhole: boolean,
): SimulatedDisk {
  const disk = new SimulatedDisk({ seed });
  disk.putDirectory(resolve('.'));
  if (!isWhole) disk.put(resolve(INPUT), jsonLines(rows ?? []));
  for (const [path, contents] of Object.entries(files)) disk.put(resolve(path), contents);
  return disk;
}

/** Stores the session of a snapshot.
 * @returns its id.
 * @throws {TestingError} when the snapshot is not a whole checkpoint. */
export function putSession(
  disk: SimulatedDisk,
  { checkpoint, text }: NonNullable<TestExecutorOptions['snapshot']>,
): string {
  if (checkpoint === undefined)
    throw new TestingError(
      'The snapshot is a bare machine snapshot, not a session. Load the whole checkpoint.json.',
    );
  disk.put(`${STATE_DIRECTORY}/${checkpoint.sessionId}/checkpoint.json`, text);
  return checkpoint.sessionId;
}

function jsonLines(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}
