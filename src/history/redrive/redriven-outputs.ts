/** Where a redrive writes: files beside those of the first session, or the sink that keeps the rows of earlier runs. */
import { basename, dirname, extname, join } from 'node:path';
import type { Checkpoint } from '../../checkpoint/envelope.js';
import { RedriveError } from '../../errors.js';
import { defaults } from '../../executor/defaults.node.js';
import type { PipelineLike } from '../../executor/definition.js';
import { toSink } from '../../executor/endpoints/endpoints.js';
import { loadCsvParser } from '../../formats/csv/csv-libraries.js';
import { csvDialect, csvFields } from '../../formats/csv/csv-records.js';
import type { JsonObject } from '../../formats/json.js';
import type { FileSystem } from '../../platform/file-system.js';
import { deadLetterPath } from '../../sinks/dead-letter-path.js';
import { headerText, sessionOutput } from '../diff/session-output.js';
import { describedFile } from '../diff/written-file.js';

/** @param to absolute path of the new output.
 * @throws {RedriveError} if there is no place for the rows, or the new file exists already. */
export async function redrivenOutputs(
  fileSystem: FileSystem,
  checkpoint: Checkpoint,
  pipeline: PipelineLike,
  to: string | undefined,
): Promise<Pick<Checkpoint, 'sink' | 'deadLetter'>> {
  const sink = await newSink(fileSystem, checkpoint, pipeline, to);
  const lost = String(checkpoint.deadLetter?.path);
  const first = describedFile(checkpoint.sink)?.path;
  const isBeside = first !== undefined && lost === deadLetterPath(first);
  const deadLetter = sink !== null && isBeside ? deadLetterPath(String(sink.path)) : redrivenPath(lost);
  for (const path of [...(sink === null ? [] : [String(sink.path)]), deadLetter])
    await assertFree(fileSystem, path);
  return { sink, deadLetter: { ...checkpoint.deadLetter, path: deadLetter, publish: 'rename' } };
}

/** @returns null: the sink of the pipeline, which keeps the rows of earlier runs. */
async function newSink(
  fileSystem: FileSystem,
  checkpoint: Checkpoint,
  pipeline: PipelineLike,
  to: string | undefined,
): Promise<JsonObject | null> {
  const first = describedFile(checkpoint.sink);
  if (checkpoint.sink !== null && first !== undefined) {
    const columns = await csvColumns(fileSystem, checkpoint);
    const path = to ?? redrivenPath(first.path);
    return { ...checkpoint.sink, path, publish: 'rename', ...(columns && { columns: [...columns] }) };
  }
  const sink = toSink(pipeline.sink);
  if (to !== undefined) {
    const kind = extname(to) === '.csv' ? 'csv' : 'jsonl';
    return defaults.sink({ kind, path: to, publish: 'rename' }).describe() ?? null;
  }
  if (sink.appends === true) return null;
  throw new RedriveError(
    `The ${sink.label} does not keep the rows of earlier runs, so that a redrive would replace them. Name a file for the new rows with --to, or the option \`to\`.`,
  );
}

/** The columns of the first output, so that both files have the same. */
async function csvColumns(
  fileSystem: FileSystem,
  checkpoint: Checkpoint,
): Promise<readonly string[] | undefined> {
  const { sink } = checkpoint;
  if (sink?.kind !== 'csv' || String(sink.path).endsWith('.gz')) return undefined;
  const header = await headerText(fileSystem, await sessionOutput(fileSystem, checkpoint));
  const delimiter = typeof sink.delimiter === 'string' ? sink.delimiter : undefined;
  await loadCsvParser();
  return header === undefined ? undefined : csvFields(header, csvDialect({ delimiter }));
}

/** `out.jsonl` → `out.redriven.jsonl` → `out.redriven-2.jsonl`. */
export function redrivenPath(path: string): string {
  const [, stem = path, extension = ''] = /^(.+?)((?:\.\w+)?(?:\.gz)?)$/.exec(basename(path)) ?? [];
  const [, first = stem, times] = /^(.*)\.redriven(?:-(\d+))?$/.exec(stem) ?? [];
  const suffix = first === stem ? 'redriven' : `redriven-${Number(times ?? 1) + 1}`;
  return join(dirname(path), `${first}.${suffix}${extension}`);
}

async function assertFree(fileSystem: FileSystem, path: string): Promise<void> {
  if ((await fileSystem.stat(path)) !== undefined)
    throw new RedriveError(
      `${path} exists already. Move it away, or name another file with --to, or the option \`to\`.`,
    );
  if ((await fileSystem.stat(dirname(path))) === undefined)
    throw new RedriveError(`${dirname(path)} does not exist. Create it, or name another file with --to.`);
}
