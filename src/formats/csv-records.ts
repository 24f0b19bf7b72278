/**
 * CSV after RFC 4180: where records end, and the fields of a record.
 *
 * 1. A record ends at LF, CRLF or a lone CR outside quotes. A quote opens a quoted field only at the field's beginning,
 *    so that one misplaced quote spoils its own record and not the rest of the file.
 * 2. Fields are split by csv-parse, the records without a quote by the delimiter alone (the same, ten times as fast).
 * 3. An empty line is not a record.
 */
import { CsvError, parse } from 'csv-parse/sync';
import { codeOf, InvalidOptionError } from '../errors.js';
import type { RecordScanner, Records } from './records.js';

export interface CsvDialect {
  /** One ASCII character. */
  readonly delimiter: string;
  /** One ASCII character, or false for none; within quotes it is doubled. */
  readonly quote: string | false;
}

/** @throws {InvalidOptionError} */
export function csvDialect(options: {
  readonly delimiter?: string | undefined;
  readonly quote?: string | false | undefined;
}): CsvDialect {
  const { delimiter = ',', quote = '"' } = options;
  for (const [name, value] of [
    ['delimiter', delimiter],
    ['quote', quote],
  ] as const) {
    if (name === 'quote' && value === false) continue;
    if (typeof value !== 'string' || !/^[\t\x20-\x7e]$/.test(value)) {
      const orFalse = name === 'quote' ? ', or false' : '';
      throw new InvalidOptionError(`csv: ${name} has to be one ASCII character${orFalse}.`);
    }
  }
  if (delimiter === quote) throw new InvalidOptionError('csv: delimiter and quote have to differ.');
  return { delimiter, quote };
}

const LF = 0x0a;
const CR = 0x0d;

const FIELD_START = 0;
const UNQUOTED = 1;
const QUOTED = 2;
/** Behind a quote inside a quoted field: the field's end, or the first of two. */
const QUOTE_IN_QUOTED = 3;

export class CsvScanner implements RecordScanner {
  contentEnd = 0;
  next = 0;
  lineEnds = 0;
  readonly tooLong = 'close the quote that was opened there, or raise maxRecordBytes';
  readonly #delimiter: number;
  readonly #quote: number;
  // The unfinished record: bytes looked at, the state behind them, line ends within quotes.
  #searched = 0;
  #state = FIELD_START;
  #within = 0;
  /** The next LF, CR and quote in `#seen`: while no quote is near, a record is a line. */
  #seen: Buffer | undefined;
  #lfAt = -1;
  #quoteAt = -1;
  #crAt = -1;

  constructor(dialect: CsvDialect) {
    this.#delimiter = dialect.delimiter.charCodeAt(0);
    this.#quote = dialect.quote === false ? -1 : dialect.quote.charCodeAt(0);
  }

  isBlank(_buffer: Buffer, from: number, contentEnd: number): boolean {
    return from === contentEnd;
  }

  find(buffer: Buffer, from: number, atEnd: boolean): boolean {
    if (this.#searched === 0 && this.#findPlainLine(buffer, from)) return true;
    const delimiter = this.#delimiter;
    const quote = this.#quote;
    let state = this.#state;
    let within = this.#within;
    let i = from + this.#searched;
    for (; i < buffer.length; i++) {
      const byte = buffer[i] as number;
      if (state === QUOTED) {
        if (byte === quote) state = QUOTE_IN_QUOTED;
        else if (byte === CR || (byte === LF && buffer[i - 1] !== CR)) within++;
      } else if (byte === delimiter) state = FIELD_START;
      else if (byte === quote) {
        if (state !== UNQUOTED) state = QUOTED;
      } else if (byte === LF) return this.#found(i, i + 1, within);
      else if (byte === CR) {
        // Whether an LF belongs to it is known only with the next byte.
        if (i + 1 === buffer.length && !atEnd) break;
        return this.#found(i, buffer[i + 1] === LF ? i + 2 : i + 1, within);
      } else state = UNQUOTED;
    }
    if (atEnd && buffer.length > from) return this.#found(buffer.length, buffer.length, within);
    this.#searched = i - from;
    this.#state = state;
    this.#within = within;
    return false;
  }

  /** A line without quotes. */
  #findPlainLine(buffer: Buffer, from: number): boolean {
    if (this.#seen !== buffer) {
      this.#seen = buffer;
      this.#lfAt = this.#crAt = this.#quoteAt = -1;
    }
    if (this.#lfAt < from) this.#lfAt = indexOrEnd(buffer, LF, from);
    if (this.#crAt < from) this.#crAt = indexOrEnd(buffer, CR, from);
    if (this.#quoteAt < from) {
      this.#quoteAt = this.#quote === -1 ? Infinity : indexOrEnd(buffer, this.#quote, from);
    }
    const lf = this.#lfAt;
    if (lf === Infinity || lf > this.#quoteAt || lf > this.#crAt + 1) return false;
    return this.#found(lf > this.#crAt ? lf - 1 : lf, lf + 1, 0);
  }

  #found(contentEnd: number, next: number, within: number): true {
    this.contentEnd = contentEnd;
    this.next = next;
    this.lineEnds = within + 1;
    this.#searched = 0;
    this.#state = FIELD_START;
    this.#within = 0;
    return true;
  }
}

function indexOrEnd(buffer: Buffer, byte: number, from: number): number {
  const at = buffer.indexOf(byte, from);
  return at === -1 ? Infinity : at;
}

/** Visits the fields of each record in order; a malformed one with what is wrong about it. */
export function forEachCsvRecord(
  records: Records,
  dialect: CsvDialect,
  visit: (fields: readonly string[], index: number) => void,
  malformed: (what: string, index: number) => void,
): void {
  const { delimiter, quote } = dialect;
  const texts: (string | undefined)[] = [];
  const quoted: string[] = [];
  records.forEachText((text) => {
    texts.push(text);
    if (quote !== false && text?.includes(quote)) quoted.push(text);
  });
  // One call for all of them: csv-parse takes longer to start than to parse a line.
  const parsed = quoted.length === 0 ? [] : parseRecords(quoted.join('\n'), dialect, quoted.length);
  let next = 0;
  for (const [index, text] of texts.entries()) {
    if (text === undefined) malformed('not valid UTF-8', index);
    else if (quote === false || !text.includes(quote)) visit(text.split(delimiter), index);
    else {
      const fields = typeof parsed === 'string' ? parseRecords(text, dialect, 1) : [parsed[next++] ?? []];
      if (typeof fields === 'string') malformed(fields, index);
      else visit(fields[0] as string[], index);
    }
  }
}

/** The fields of exactly `count` records, or what is wrong. */
function parseRecords(text: string, dialect: CsvDialect, count: number): string[][] | string {
  try {
    const records = parse(text, {
      delimiter: dialect.delimiter,
      quote: dialect.quote,
      escape: dialect.quote,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
    });
    return records.length === count ? records : 'not one record';
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return PROBLEMS[codeOf(error)] ?? 'not a CSV record';
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quoted field is not closed',
  INVALID_OPENING_QUOTE: 'a quote inside a field that does not begin with one',
  CSV_INVALID_CLOSING_QUOTE: 'text between a closing quote and the end of its field',
};
