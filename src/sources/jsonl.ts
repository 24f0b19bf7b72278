/** JSON Lines from a file: one JSON value a line, UTF-8, LF or CRLF. Blank lines and a byte order mark are skipped. */
import { type MalformedRowError, SourceError } from '../errors.js';
import type { JsonObject } from '../formats/json.js';
import { maxBytes, type RecordReaderOptions } from '../formats/record-reader.js';
import { LineScanner } from '../formats/record-scanner.js';
import { Records } from '../formats/records.js';
import { readOption } from '../formats/shape.js';
import type { OpenContext } from '../platform/open-context.js';
import { isJsonArray } from './file-forms.js';
import { type FileInput, InputFiles } from './file-input.js';
import { FileSource, openForReading } from './file-source.js';
import { malformedPolicy } from './malformed-policy.js';
import { openInput } from './many-files.js';
import type { MalformedPolicy, Source } from './source.js';
import { STANDARD_INPUT } from './standard-input.js';

/** How JSON Lines are read. */
export interface JsonlSourceOptions {
  /** What happens to a line that is not JSON. Default 'fail'. */
  readonly onMalformed?: MalformedPolicy | undefined;
  /** A longer line fails the run, so that it cannot fill the memory. Bytes, default 64 MiB. */
  readonly maxLineBytes?: number | undefined;
}

/** Rows are not checked against `T`: use a stage's `input` schema for that.
 * @param path a path, a pattern, or a list of both; relative to the current working directory, or a `file:` URL.
 * @param blockBytes bytes of one read; for tests.
 * @throws {InvalidOptionError} */
export function jsonlSource<T = JsonObject>(
  path: FileInput,
  options: JsonlSourceOptions = {},
  blockBytes?: number,
): Source<T> {
  const input = new InputFiles(path, 'jsonl');
  const onMalformed = malformedPolicy(options.onMalformed, 'jsonl');
  const maxLineBytes = readOption('jsonl', 'maxLineBytes', maxBytes, options.maxLineBytes);
  const readingOf = (file: string): RecordReaderOptions => ({
    path: file,
    makeScanner: () => new LineScanner(),
    maxRecordBytes: maxLineBytes,
    blockBytes,
  });
  return {
    kind: 'jsonl',
    onMalformed,
    isReadOnce: input.isStandardInput,
    describe: () =>
      input.isStandardInput ? undefined : { kind: 'jsonl', ...input.describe(), onMalformed, maxLineBytes },
    open: (at, context) =>
      openInput(input, at, context, async (file, from) =>
        FileSource.open<T>(await openLines(file, context), from, {
          reading: readingOf(file),
          decode: decodeJsonLines<T>,
        }),
      ),
    decodeRaw: (raw, row, malformed) =>
      decodeJsonLines<T>(Records.of(readingOf(raw.file ?? input.label), raw), row, malformed),
  };
}

/** @throws {SourceError} also for JSON that is not JSON Lines. */
async function openLines(path: string, context: OpenContext): ReturnType<typeof openForReading> {
  const opened = await openForReading(path, context);
  if (path === STANDARD_INPUT) return opened;
  const isArray = await isJsonArray(opened[0]).catch(() => false);
  if (!isArray) return opened;
  await opened[0].close().catch(() => {});
  throw new SourceError(`${path}: one JSON array, not JSON Lines. ${ONE_ROW_A_LINE}.`);
}

const ONE_ROW_A_LINE = "Write one row a line, for example with jq -c '.[]'";

function decodeJsonLines<T>(
  records: Records,
  row: (value: T) => void,
  malformed: (error: MalformedRowError) => void,
): void {
  records.forEachText((text, index) => {
    if (text === undefined) return malformed(records.malformed(index, 'not valid UTF-8'));
    let value: T;
    try {
      value = JSON.parse(text);
    } catch (error) {
      return malformed(records.malformed(index, problemOfLine(text, error)));
    }
    row(value);
  });
}

function problemOfLine(text: string, error: unknown): string {
  if (/^\s*[[{]\s*$/.test(text)) return `JSON over several lines, not JSON Lines. ${ONE_ROW_A_LINE}`;
  // V8's message quotes the text; only the place is taken from it.
  const place = /at position (\d+)/.exec(String(error))?.[1];
  return place === undefined ? 'not valid JSON' : `not valid JSON from its character ${Number(place) + 1} on`;
}
