/**
 * Standard output and standard error.
 *
 * 1. Results go to standard output, messages to standard error. Under `--json` standard output carries events only.
 * 2. A closed reader (EPIPE) is never an uncaught error: writing stops, and the run is notified.
 * 3. Every line is one line: no control character moves the cursor.
 */
import pc from 'picocolors';
import { SinkError } from '../../errors.js';
import type { TerminalStream } from '../../observers/progress/terminal-block.js';
import { problemOf } from '../../platform/file-problems.js';
import { codeOf } from '../../platform/thrown.js';

export type Colors = ReturnType<typeof pc.createColors>;

export class Terminal {
  /** For standard output. */
  readonly colors: Colors;
  /** For standard error. */
  readonly errorColors: Colors;
  #broken: Error | undefined;
  #onBroken: (error: Error) => void = () => {};
  /** Prints above the live progress bar; undefined without one. */
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
    // There is no stream left to report it on.
    stderr.on('error', () => {});
  }

  /** Reserves standard output for events; a stage's own output goes to standard error. */
  reserveForJson(): void {
    this.#isJson = true;
    this.#resultsAreMessages = true;
    this.stdout.write = this.stderr.write.bind(this.stderr);
  }

  /** Reserves standard output for the rows of the pipeline; all else goes to standard error. */
  reserveForRows(): void {
    this.#resultsAreMessages = true;
    this.stdout.write = this.stderr.write.bind(this.stderr);
  }

  get isJson(): boolean {
    return this.#isJson;
  }

  /** Columns of standard output; undefined when it is not a terminal. */
  get columns(): number | undefined {
    return this.stdout.isTTY ? this.stdout.columns : undefined;
  }

  /** The stream of the progress bar; without `isTTY` when the terminal cannot repaint. */
  get progressStream(): TerminalStream {
    return this.env.TERM === 'dumb' ? { write: (text) => this.stderr.write(text) } : this.stderr;
  }

  /** Sends results to standard error, after standard output was closed. */
  redirectResults(): void {
    this.#resultsAreMessages = true;
  }

  /** Prints a line of the result. */
  printResult(line: string): void {
    if (this.#resultsAreMessages) this.printMessage(line);
    else this.write(`${line}\n`);
  }

  /** Writes the text unchanged to standard output. */
  write(text: string): void {
    if (this.#broken === undefined) this.#writeOut(text);
  }

  /** Prints a message to standard error. */
  printMessage(line: string): void {
    if (this.#above !== undefined) this.#above(line);
    else this.stderr.write(`${line}\n`);
  }

  /** @param print undefined: the live bar has ended. */
  printMessagesAbove(print: ((line: string) => void) | undefined): void {
    this.#above = print;
  }

  /** Calls back once, when standard output cannot be written. */
  onBroken(listener: (error: Error) => void): void {
    this.#onBroken = listener;
    if (this.#broken !== undefined) listener(this.#broken);
  }

  /** Flushes. A closed reader is not an error, any other failure is.
   * @throws {SinkError} */
  async assertWritten(): Promise<void> {
    await this.flush();
    if (this.#broken !== undefined && !isReaderGone(this.#broken)) throw outputError(this.#broken);
  }

  /** Resolves when the system has taken all output, or cannot take it. */
  async flush(): Promise<void> {
    const drained = (write: (text: string, done: () => void) => unknown) =>
      new Promise<void>((resolve) => {
        write('', () => resolve());
      });
    if (this.#broken === undefined) await drained((text, done) => this.stdout.write(text, done));
    if (!this.stderr.destroyed) await drained((text, done) => this.stderr.write(text, done));
  }
}

/** Whether the reader closed the stream. */
export const isReaderGone = (error: Error): boolean => codeOf(error) === 'EPIPE';

export const outputError = (cause: Error): SinkError =>
  new SinkError(`Cannot write standard output: ${problemOf(cause)}.`, { cause });
