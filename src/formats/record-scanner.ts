/** Finds where records end: the contract, and its implementation for lines. */

/** Keeps its place in an unfinished record, so that each byte is looked at once. */
export interface RecordScanner {
  /** Looks for the end of the record that begins at `from`. False: more bytes are needed.
   * @param atEnd nothing follows `buffer`: an unfinished record ends with it. */
  findEnd(buffer: Buffer, from: number, atEnd: boolean): boolean;
  /** After `findEnd`: where the record's own bytes end, and where the next record begins. */
  contentEnd: number;
  next: number;
  /** After `findEnd`: how far it had to look, `next` or beyond. */
  seenEnd: number;
  /** After `findEnd`: line ends between `from` and `next`. */
  lineEnds: number;
  /** Whether the bytes are an empty line, which is not a record. */
  isBlank(buffer: Buffer, from: number, contentEnd: number): boolean;
  /** What to do about a record that is longer than the limit. */
  readonly tooLongAdvice: string;
}

export const LF = 0x0a;
export const CR = 0x0d;
const TAB = 0x09;
const SPACE = 0x20;

/** Lines that end with LF or CRLF (CR is white space to JSON). The last line may be unended.
 *
 * A blank line has white space only. Other control characters, such as the NUL bytes of a hole that a crash left, make a
 * line a record, and so a malformed row. */
export class LineScanner implements RecordScanner {
  contentEnd = 0;
  next = 0;
  seenEnd = 0;
  lineEnds = 0;
  readonly tooLongAdvice = 'raise maxLineBytes if that is one row';
  /** Bytes of the unfinished line that have no LF. */
  #searched = 0;

  findEnd(buffer: Buffer, from: number, atEnd: boolean): boolean {
    const at = buffer.indexOf(LF, from + this.#searched);
    if (at !== -1) {
      this.contentEnd = at;
      this.next = at + 1;
    } else {
      this.#searched = buffer.length - from;
      if (!atEnd || this.#searched === 0) return false;
      this.contentEnd = buffer.length;
      this.next = buffer.length;
    }
    this.lineEnds = 1;
    this.seenEnd = this.next;
    this.#searched = 0;
    return true;
  }

  isBlank(buffer: Buffer, from: number, contentEnd: number): boolean {
    for (let i = from; i < contentEnd; i++) {
      const byte = buffer[i] as number;
      if (byte !== SPACE && byte !== CR && byte !== TAB) return false;
    }
    return true;
  }
}
