/**
 * The difference of two outputs, row by row, in source order.
 *
 * 1. Streaming, in bounded memory: a difference ends where a row of one side is among the next rows of the other. A shift beyond
 *    the look-ahead is reported as changed rows, or with a key as disappeared and added rows.
 * 2. Without a key, rows between common rows are paired in order, as changed. With a key, only rows with the same key are paired.
 */

/** One row that differs; rows are counted from 0. */
export interface RowDifference {
  readonly kind: 'changed' | 'added' | 'disappeared';
  /** Index in the older output; undefined: added. */
  readonly row: number | undefined;
  /** Index in the newer output; undefined: disappeared. */
  readonly newRow: number | undefined;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** The difference of two outputs, in rows. */
export interface RowDiff {
  readonly same: number;
  readonly changed: number;
  readonly added: number;
  readonly disappeared: number;
  /** The first differences. */
  readonly first: readonly RowDifference[];
}

export interface RowDiffOptions {
  /** Identifies a row in both outputs, from its text. Default: the whole text. */
  readonly key?: ((text: string) => string) | undefined;
  /** Differences to keep. Default 10. */
  readonly examples?: number | undefined;
  /** Rows before the first compared one. Default 0. */
  readonly offset?: number | undefined;
}

/** The look-ahead, in rows of each side. */
const AHEAD = 1000;

export async function diffRows(
  before: AsyncIterable<string>,
  after: AsyncIterable<string>,
  options: RowDiffOptions = {},
): Promise<RowDiff> {
  return new Differ(options).run(new Side(before, options), new Side(after, options));
}

interface Row {
  readonly text: string;
  readonly token: string;
}

/** The next rows of one output. */
class Side {
  readonly #rows: AsyncIterator<string>;
  readonly #key: (text: string) => string;
  #queue: Row[] = [];
  #head = 0;
  #isEnded = false;
  /** Count of each token among the next rows. */
  readonly tokens = new Map<string, number>();
  taken: number;

  constructor(rows: AsyncIterable<string>, { key = (text) => text, offset = 0 }: RowDiffOptions) {
    this.#rows = rows[Symbol.asyncIterator]();
    this.#key = key;
    this.taken = offset;
  }

  get length(): number {
    return this.#queue.length - this.#head;
  }

  at(index: number): Row | undefined {
    return this.#queue[this.#head + index];
  }

  async fill(count: number): Promise<void> {
    while (this.length < count && !this.#isEnded) {
      const { done, value } = await this.#rows.next();
      if (done === true) this.#isEnded = true;
      else this.#push({ text: value, token: this.#key(value) });
    }
  }

  #push(row: Row): void {
    this.#queue.push(row);
    this.tokens.set(row.token, (this.tokens.get(row.token) ?? 0) + 1);
  }

  take(): Row {
    const row = this.#queue[this.#head++] as Row;
    this.taken++;
    const left = (this.tokens.get(row.token) ?? 1) - 1;
    if (left === 0) this.tokens.delete(row.token);
    else this.tokens.set(row.token, left);
    if (this.#head > AHEAD) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return row;
  }
}

class Differ {
  readonly #first: RowDifference[] = [];
  readonly #counts = { same: 0, changed: 0, added: 0, disappeared: 0 };
  readonly #examples: number;
  readonly #pairs: boolean;

  constructor({ examples = 10, key }: RowDiffOptions) {
    this.#examples = examples;
    this.#pairs = key === undefined;
  }

  async run(a: Side, b: Side): Promise<RowDiff> {
    for (;;) {
      await Promise.all([a.fill(1), b.fill(1)]);
      const [x, y] = [a.at(0), b.at(0)];
      if (x === undefined && y === undefined) return { ...this.#counts, first: this.#first };
      if (x !== undefined && y !== undefined && x.token === y.token) {
        if (x.text === y.text) {
          this.#counts.same++;
          a.take();
          b.take();
        } else this.#changed(a, b);
        continue;
      }
      await Promise.all([a.fill(AHEAD), b.fill(AHEAD)]);
      const [gone, come] = this.#nextCommon(a, b);
      this.#apart(a, b, gone, come);
    }
  }

  /** Rows of each side before the nearest common row; without one, as many as certainly differ. */
  #nextCommon(a: Side, b: Side): readonly [number, number] {
    const places = new Map<string, number>();
    let hasCommon = false;
    for (let j = 0; j < b.length; j++) {
      const { token } = b.at(j) as Row;
      if (a.tokens.has(token)) hasCommon = true;
      if (!places.has(token)) places.set(token, j);
      if (hasCommon && j > AHEAD / 2) break;
    }
    let best: readonly [number, number] = [a.length, b.length];
    if (!hasCommon) return best;
    for (let i = 0; i < a.length && i < best[0] + best[1]; i++) {
      const j = places.get((a.at(i) as Row).token);
      if (j !== undefined && i + j < best[0] + best[1]) best = [i, j];
    }
    return best;
  }

  #apart(a: Side, b: Side, gone: number, come: number): void {
    const paired = this.#pairs ? Math.min(gone, come) : 0;
    for (let i = 0; i < paired; i++) this.#changed(a, b);
    for (let i = paired; i < gone; i++) {
      const row = a.taken;
      this.#note({ kind: 'disappeared', row, newRow: undefined, before: a.take().text, after: undefined });
    }
    for (let i = paired; i < come; i++) {
      const newRow = b.taken;
      this.#note({ kind: 'added', row: undefined, newRow, before: undefined, after: b.take().text });
    }
  }

  #changed(a: Side, b: Side): void {
    const [row, newRow] = [a.taken, b.taken];
    this.#note({ kind: 'changed', row, newRow, before: a.take().text, after: b.take().text });
  }

  #note(difference: RowDifference): void {
    this.#counts[difference.kind]++;
    if (this.#first.length < this.#examples) this.#first.push(difference);
  }
}
