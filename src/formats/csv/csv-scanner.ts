/**
 * Where CSV records end, after RFC 4180.
 *
 * 1. A record ends at LF, CRLF or a lone CR outside quotes. A quote opens a quoted field only at the field's beginning.
 * 2. A quoted field that is never closed, or is closed in the middle of a field, does not swallow the lines that follow: its
 *    record ends with the line that opened the field, and reading continues with the next line.
 * 3. An empty line is a row with one empty value if there is one column. Otherwise it is not a record.
 */

import { CR, LF, type RecordScanner } from '../record-scanner.js';
import type { CsvDialect } from './csv-records.js';

const FIELD_START = 0;
const UNQUOTED = 1;
const QUOTED = 2;
/** Behind a quote inside a quoted field: the end of the field, or the first of two quotes. */
const QUOTE_IN_QUOTED = 3;

export class CsvScanner implements RecordScanner {
  contentEnd = 0;
  next = 0;
  seenEnd = 0;
  lineEnds = 0;
  readonly tooLongAdvice = 'close the quote that was opened there, or raise maxRecordBytes';
  readonly #delimiter: number;
  readonly #quote: number;
  readonly #hasOneColumn: boolean;
  // The unfinished record: bytes looked at, the state behind them and line ends within quotes; of the current quoted field,
  // the offset of its quote and the line ends before it.
  #searched = 0;
  #state = FIELD_START;
  #within = 0;
  #openedAt = 0;
  #withinBefore = 0;
  /** The next LF, CR and quote in `#scanned`: as long as no quote is near, a record is a line. */
  #scanned: Buffer | undefined;
  #lfAt = -1;
  #quoteAt = -1;
  #crAt = -1;

  /** @param columns how many there are; 0: not known. */
  constructor(dialect: CsvDialect, columns: number) {
    this.#delimiter = dialect.delimiter.charCodeAt(0);
    this.#quote = dialect.quote === false ? -1 : dialect.quote.charCodeAt(0);
    this.#hasOneColumn = columns === 1;
  }

  isBlank(_buffer: Buffer, from: number, contentEnd: number): boolean {
    return from === contentEnd && !this.#hasOneColumn;
  }

  findEnd(buffer: Buffer, from: number, atEnd: boolean): boolean {
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
        if (state === FIELD_START) {
          this.#openedAt = i - from;
          this.#withinBefore = within;
        }
        if (state !== UNQUOTED) state = QUOTED;
      } else if (byte === LF) return this.#setFound(i, i + 1, within);
      else if (byte === CR) {
        // Whether an LF belongs to it is known only with the next byte.
        if (i + 1 === buffer.length && !atEnd) break;
        return this.#setFound(i, buffer[i + 1] === LF ? i + 2 : i + 1, within);
      } else if (state === QUOTE_IN_QUOTED && within > this.#withinBefore)
        return this.#setBroken(buffer, from, i + 1);
      else state = UNQUOTED;
    }
    if (atEnd && buffer.length > from) {
      if (state === QUOTED && within > this.#withinBefore)
        return this.#setBroken(buffer, from, buffer.length);
      return this.#setFound(buffer.length, buffer.length, within);
    }
    this.#searched = i - from;
    this.#state = state;
    this.#within = within;
    return false;
  }

  /** A line without quotes. */
  #findPlainLine(buffer: Buffer, from: number): boolean {
    if (this.#scanned !== buffer) {
      this.#scanned = buffer;
      this.#lfAt = this.#crAt = this.#quoteAt = -1;
    }
    if (this.#lfAt < from) this.#lfAt = indexOrEnd(buffer, LF, from);
    if (this.#crAt < from) this.#crAt = indexOrEnd(buffer, CR, from);
    if (this.#quoteAt < from) {
      this.#quoteAt = this.#quote === -1 ? Infinity : indexOrEnd(buffer, this.#quote, from);
    }
    const lf = this.#lfAt;
    if (lf === Infinity || lf > this.#quoteAt || lf > this.#crAt + 1) return false;
    return this.#setFound(lf > this.#crAt ? lf - 1 : lf, lf + 1, 0);
  }

  /** The field that was opened at `#openedAt` is not a quoted field: the record ends with the line that it began on. */
  #setBroken(buffer: Buffer, from: number, seenEnd: number): true {
    const opened = from + this.#openedAt;
    const end = Math.min(indexOrEnd(buffer, LF, opened), indexOrEnd(buffer, CR, opened));
    const isCrLf = buffer[end] === CR && buffer[end + 1] === LF;
    this.#setFound(end, end + (isCrLf ? 2 : 1), this.#withinBefore);
    this.seenEnd = seenEnd;
    return true;
  }

  #setFound(contentEnd: number, next: number, within: number): true {
    this.contentEnd = contentEnd;
    this.next = next;
    this.seenEnd = next;
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
