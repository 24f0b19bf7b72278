/**
 * Lines at the bottom of a terminal that can be overwritten, and lines above them that stay.
 *
 * 1. A repaint is one write that overwrites line by line: nothing flickers.
 * 2. The cursor is never left hidden or inside the block: it is hidden within a write only, so that even a killed
 *    process leaves the terminal as it was.
 * 3. Nothing that is printed through `print` is overwritten.
 * 4. A closed or broken stream ends the painting; a slow one skips repaints. The run is not disturbed (I11).
 */
import { isBroken, type OutputStream, watchStream } from '../output-stream.js';
import { widthOf } from './terminal-text.js';

/** What is used of `process.stderr` and its like. */
export interface TerminalStream extends OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  /** The buffer is full: repaints are left out until it has drained. */
  readonly writableNeedDrain?: boolean;
}

const ESC = '\x1b';
const CURSOR_OFF = `${ESC}[?25l`;
const CURSOR_ON = `${ESC}[?25h`;
const CLEAR_REST_OF_LINE = `${ESC}[K`;
const CLEAR_BELOW = `${ESC}[J`;
const COLOR_CODE = new RegExp(`${ESC}\\[[0-9;]*m`, 'g');

/** A terminal without a size (some pseudo-terminals say 0) is taken for 80 by 24. */
export function sizeOf(stream: TerminalStream): { columns: number; rows: number } {
  return { columns: stream.columns || 80, rows: stream.rows || 24 };
}

export class TerminalBlock {
  readonly #stream: TerminalStream;
  #block: readonly string[] = [];
  #broken = false;

  constructor(stream: TerminalStream) {
    this.#stream = stream;
    watchStream(stream);
  }

  paint(lines: readonly string[]): void {
    if (this.#stream.writableNeedDrain === true) return;
    const up = this.#up();
    this.#block = lines;
    const text = lines.map((line) => `${line}${CLEAR_REST_OF_LINE}\n`).join('');
    this.#write(`${CURSOR_OFF}${up}${text}${CLEAR_BELOW}${CURSOR_ON}`);
  }

  /** A line above the block. */
  print(line: string): void {
    if (this.#block.length === 0) this.#write(`${line}\n`);
    else {
      const block = this.#block.map((each) => `${each}${CLEAR_REST_OF_LINE}\n`).join('');
      this.#write(`${CURSOR_OFF}${this.#up()}${CLEAR_BELOW}${line}\n${block}${CURSOR_ON}`);
    }
  }

  /** A line instead of the block. */
  finish(line: string): void {
    const up = this.#up();
    this.#write(
      this.#block.length === 0 ? `${line}\n` : `${CURSOR_OFF}${up}${CLEAR_BELOW}${line}\n${CURSOR_ON}`,
    );
    this.#block = [];
  }

  clear(): void {
    if (this.#block.length > 0) this.#write(`${this.#up()}${CLEAR_BELOW}`);
    this.#block = [];
  }

  /** To the block's first line. A terminal that has become narrower has wrapped the lines it shows. */
  #up(): string {
    const { columns } = sizeOf(this.#stream);
    const height = this.#block.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(widthOf(line.replace(COLOR_CODE, '')) / columns)),
      0,
    );
    return height === 0 ? '' : `\x1b[${height}A\r`;
  }

  #write(text: string): void {
    if (this.#broken || isBroken(this.#stream)) return;
    try {
      this.#stream.write(text);
    } catch {
      this.#broken = true;
    }
  }
}
