/** JSON Lines from a file: one JSON value a line, UTF-8, LF or CRLF; blank lines and a byte order mark are passed over. */
import { InvalidOptionError, type MalformedRowError } from '../errors.js';
import type { JsonObject } from '../formats/json.js';
import { LineScanner, MAX_RECORD_BYTES, Records } from '../formats/records.js';
import { absolutePath } from '../platform/file-problems.js';
import { FileSource, openForReading } from './file-source.js';
import { malformedPolicy } from './malformed-policy.js';
import type { MalformedPolicy, Source } from './source.js';

/** How JSON Lines are read. */
export interface JsonlSourceOptions {
  /** What a line that is not JSON does. Default 'fail'. */
  readonly onMalformed?: MalformedPolicy | undefined;
  /** A longer line ends the run, instead of filling the memory. Default 64 MiB. */
  readonly maxLineBytes?: number | undefined;
}

/** Rows are not checked against `T`: a stage's `input` schema does that.
 * @param path relative to the working directory at this moment, or a `file:` URL.
 * @param blockBytes how much is read at once; for tests.
 * @throws {InvalidOptionError} */
export function jsonlSource<T = JsonObject>(
  path: string | URL,
  options: JsonlSourceOptions = {},
  blockBytes?: number,
): Source<T> {
  const file = absolutePath(path, 'jsonl');
  const onMalformed = malformedPolicy(options.onMalformed, 'jsonl');
  const maxLineBytes = options.maxLineBytes ?? MAX_RECORD_BYTES;
  if (!Number.isSafeInteger(maxLineBytes) || maxLineBytes < 1) {
    throw new InvalidOptionError('jsonl: maxLineBytes has to be a whole number above 0.');
  }
  const reading = {
    path: file,
    makeScanner: () => new LineScanner(),
    maxRecordBytes: maxLineBytes,
    blockBytes,
  };
  return {
    kind: 'jsonl',
    onMalformed,
    describe: () => ({ kind: 'jsonl', path: file, onMalformed, maxLineBytes }),
    open: async (at, context) =>
      FileSource.open<T>(await openForReading(file, context), at, reading, decodeJsonLines<T>),
    decodeRaw: (raw, row, malformed) => decodeJsonLines<T>(Records.of(reading, raw), row, malformed),
  };
}

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
      return malformed(records.malformed(index, `not valid JSON${placeOf(error)}`));
    }
    row(value);
  });
}

/** V8's message quotes the text; of it only the place is taken. */
function placeOf(error: unknown): string {
  const place = /at position (\d+)/.exec(String(error))?.[1];
  return place === undefined ? '' : ` from its character ${Number(place) + 1} on`;
}
