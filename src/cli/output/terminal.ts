/**
 * The two streams that a person, or a program, reads.
 *
 * 1. Results go to standard output, messages to standard error; under `--json` standard output carries events only.
 * 2. A reader that goes away (EPIPE) is never an uncaught error: nothing more is written there, and whoever runs a
 *    session is told.
 * 3. Every line is one line: nothing in it moves the cursor.
 */
import pc from 'picocolors';
import { codeOf, SinkError } from '../../errors.js';
import type { TerminalStream } from '../../observers/progress/terminal-block.js';
import { problemOf } from '../../platform/file-problems.js';

export type Colors = ReturnType<typeof pc.createColors>;

export class Terminal {
  /** For standard output. */
  readonly colors: Colors;
  /** For standard error. */
  readonly errorColors: Colors;
  #broken: Error | undefined;
  #onBroken: (error: Error) => void = () => {};
  /** Prints above a live progress bar, while there is one. */
  #above: ((line: string) => void) | undefined;
  #isJson = false;
  #resultsAreMessages = false;
  readonly #writeOut: (text: string) => boolean;

  constructor(
    private readonly stdout: NodeJS.WriteStream = process.stdout,
    private readonly stderr: NodeJS.WriteStream = process.stderr,
    private readonly env: NodeJS.ProcessEnv = process.env,
  ) {
    this.colors = pc.createColors(stdout.isTTY === true && pc.isColorSupported);
    this.errorColors = pc.createColors(stderr.isTTY === true && pc.isColorSupported);
    this.#writeOut = stdout.write.bind(stdout);
    stdout.on('error', (error) => {
      if (this.#broken !== undefined) return;
      this.#broken = error;
      this.#onBroken(error);
    });
    // Nobody is left to tell.
    stderr.on('error', () => {});
  }

  /** Standard output is for events from now on; what a stage prints there goes to standard error. */
  reserveForJson(): void {
    this.#isJson = true;
    this.#resultsAreMessages = true;
    this.stdout.write = this.stderr.write.bind(this.stderr);
  }

  get isJson(): boolean {
    return this.#isJson;
  }

  /** Of standard output, where it is a terminal. */
  get columns(): number | undefined {
    return this.stdout.isTTY ? this.stdout.columns : undefined;
  }

  /** The stream for a progress bar; one that cannot repaint is for lines. */
  get progressStream(): TerminalStream {
    return this.env.TERM === 'dumb' ? { write: (text) => this.stderr.write(text) } : this.stderr;
  }

  /** Where standard output is gone, whoever still reads standard error is to have them. */
  redirectResults(): void {
    this.#resultsAreMessages = true;
  }

  /** A result. */
  printResult(line: string): void {
    if (this.#resultsAreMessages) this.printMessage(line);
    else this.write(`${line}\n`);
  }

  /** Exactly this, on standard output. */
  write(text: string): void {
    if (this.#broken === undefined) this.#writeOut(text);
  }

  /** A message beside the results. */
  printMessage(line: string): void {
    if (this.#above !== undefined) this.#above(line);
    else this.stderr.write(`${line}\n`);
  }

  /** @param print undefined: there is no live bar any more. */
  printMessagesAbove(print: ((line: string) => void) | undefined): void {
    this.#above = print;
  }

  /** Tells, once, that standard output cannot be written any more. */
  onBroken(listener: (error: Error) => void): void {
    this.#onBroken = listener;
    if (this.#broken !== undefined) listener(this.#broken);
  }

  /** When everything was handed to the system: a reader that went away has all that it wanted; any other failure is one.
   * @throws {SinkError} */
  async assertWritten(): Promise<void> {
    await this.flush();
    if (this.#broken !== undefined && !isReaderGone(this.#broken)) throw outputError(this.#broken);
  }

  /** Resolves when everything was handed to the system, or cannot be. */
  async flush(): Promise<void> {
    const drained = (write: (text: string, done: () => void) => unknown) =>
      new Promise<void>((resolve) => {
        write('', () => resolve());
      });
    if (this.#broken === undefined) await drained((text, done) => this.stdout.write(text, done));
    if (!this.stderr.destroyed) await drained((text, done) => this.stderr.write(text, done));
  }
}

/** Whether it is the reader that has gone. */
export const isReaderGone = (error: Error): boolean => codeOf(error) === 'EPIPE';

export const outputError = (cause: Error): SinkError =>
  new SinkError(`Standard output cannot be written: ${problemOf(cause)}.`, { cause });
