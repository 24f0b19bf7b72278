/** A source with a gate before opening and before each read, so that a test can hold an executor in each of its states. */
import type { OpenSource, Source } from '../../sources/source.js';

/** Holds its callers while it is closed. */
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

  /** Lets the waiting callers pass. */
  letThrough(): void {
    for (const go of this.#waiting.splice(0)) go();
  }
}

/** A pause waits for a read of a file, and ends the wait for any other source: the gate must hold a pausing run. */
const NO_FILE: NonNullable<OpenSource<unknown>['file']> = {
  stat: async () => ({ kind: 'file', size: 0, inode: 0, device: 0, modifiedAtMs: 0 }),
};

export class GatedSource implements Source<unknown> {
  readonly opening = new Gate();
  readonly reading = new Gate();
  /** Whether opening and reading fail. */
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
      file: open.file ?? NO_FILE,
      ...(open.total === undefined ? {} : { total: open.total }),
    };
  }

  async #pass(gate: Gate): Promise<void> {
    await gate.pass();
    if (this.isBroken) throw new Error('The source fails, because this path says so.');
  }
}
