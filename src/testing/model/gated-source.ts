/** A source that opens, and reads, when it is let: so that an executor can be held in each of its states. */
import type { OpenSource, Source } from '../../sources/source.js';

/** What passes is held while it is closed. */
export class Gate {
  isOpen = true;
  #waiting: (() => void)[] = [];

  async pass(): Promise<void> {
    if (!this.isOpen) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  open(): void {
    this.isOpen = true;
    this.letThrough();
  }

  close(): void {
    this.isOpen = false;
  }

  /** Those that wait now. */
  letThrough(): void {
    for (const go of this.#waiting.splice(0)) go();
  }
}

export class GatedSource implements Source<unknown> {
  readonly opening = new Gate();
  readonly reading = new Gate();
  /** What is let through fails. */
  isBroken = false;

  constructor(private readonly source: Source<unknown>) {}

  get kind(): string {
    return this.source.kind;
  }

  get onMalformed(): Source<unknown>['onMalformed'] {
    return this.source.onMalformed;
  }

  describe(): ReturnType<Source<unknown>['describe']> {
    return this.source.describe();
  }

  async open(...args: Parameters<Source<unknown>['open']>): Promise<OpenSource<unknown>> {
    await this.#pass(this.opening);
    const open = await this.source.open(...args);
    return {
      read: async (maxRows, maxBytes) => {
        await this.#pass(this.reading);
        return open.read(maxRows, maxBytes);
      },
      identity: (position) => open.identity(position),
      close: () => open.close(),
      ...(open.total === undefined ? {} : { total: open.total }),
    };
  }

  async #pass(gate: Gate): Promise<void> {
    await gate.pass();
    if (this.isBroken) throw new Error('The source fails, because this path says so.');
  }
}
