/**
 * The job's figures at any record of a recording.
 *
 * 1. Each record is counted once, in slices between which other work gets its turn.
 * 2. A tally is kept for every BLOCK records: figures of any moment count at most BLOCK records again.
 */
import type { RecordingReader } from '../../recording/reader.js';
import { type JobFigures, Tally } from './tally.js';

const BLOCK = 4096;
/** Records between two turns of other work: a few milliseconds. */
const SLICE = 1000;
const COMMITTER = '"a":"committer"';

export class JobLedger {
  #latest = new Tally();
  /** Records counted in `#latest`. */
  #counted = 0;
  readonly #blocks: Tally[] = [new Tally()];
  #work: Promise<void> = Promise.resolve();

  /** @param turn lets other work have its turn. */
  constructor(
    private readonly reader: RecordingReader,
    private readonly turn: () => Promise<void>,
  ) {}

  /** The figures after record `index`. */
  async figuresAt(index: number): Promise<JobFigures> {
    this.#work = this.#work.then(() => this.#countTo(index + 1));
    await this.#work;
    const { stages } = this.reader.summary();
    if (this.#counted === index + 1) return this.#latest.figures(index, stages);
    const block = Math.floor((index + 1) / BLOCK);
    const tally = (this.#blocks[block] as Tally).clone();
    for (let i = block * BLOCK; i <= index; i++) this.#add(tally, i);
    return tally.figures(index, stages);
  }

  async #countTo(records: number): Promise<void> {
    const end = Math.min(records, this.reader.length);
    let left = SLICE;
    while (this.#counted < end) {
      this.#add(this.#latest, this.#counted++);
      if (this.#counted % BLOCK === 0) this.#blocks.push(this.#latest.clone());
      if (--left > 0) continue;
      left = SLICE;
      await this.turn();
    }
  }

  /** Most steps add nothing, and are not decoded. */
  #add(tally: Tally, index: number): void {
    const { reader } = this;
    const type = reader.typeAt(index);
    const isWanted =
      type === 'event' || type === 'begin' || (type === 'step' && reader.textAt(index).includes(COMMITTER));
    if (isWanted) tally.add(index, reader.record(index));
  }
}
