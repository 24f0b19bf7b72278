/**
 * Worker threads that run passes: bytes in, bytes out.
 *
 * 1. A job goes to the thread that has the fewest; each has room for two, so that it never waits for its next one.
 * 2. A thread that dies fails the jobs it had, and no others, and is replaced (I12): a crash is a failed batch.
 * 3. `close` ends threads in the middle of whatever they are doing: cancel is immediate (I17).
 * 4. What a stage prints in a thread is printed by the run's own console.
 */
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { messageOf, WorkerThreadError } from '../../errors.js';
import { linesEncoder } from './output-lines.js';
import type {
  FusionThreads,
  SerializedError,
  ThreadJob,
  ThreadResult,
  ThreadsOptions,
} from './thread-job.js';
import { BATCHES_PER_THREAD, deserializeError } from './thread-job.js';

/** What a thread says. */
export type ThreadMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'unfit'; readonly error: SerializedError }
  | { readonly type: 'answer'; readonly id: number; readonly answer: ThreadResult };

export interface ThreadData {
  readonly file: string;
  readonly fingerprints: readonly string[];
}

interface PoolOptions extends ThreadsOptions {
  /** The thread's program. */
  readonly program: URL;
  /** Absolute. */
  readonly file: string;
}

interface Waiting {
  readonly job: ThreadJob;
  resolve(answer: ThreadResult): void;
  reject(error: unknown): void;
}

export class ThreadPool implements FusionThreads {
  readonly encode = linesEncoder('rows that leave a pass');
  readonly #threads: Thread[];
  #isClosed = false;

  constructor(private readonly options: PoolOptions) {
    this.#threads = Array.from({ length: options.count }, () => this.#start());
  }

  get isFree(): boolean {
    return this.#threads.some((thread) => thread.isReady && thread.load < BATCHES_PER_THREAD);
  }

  run(job: ThreadJob): Promise<ThreadResult> {
    const ready = this.#threads.filter((thread) => thread.isReady);
    const free = (ready.length > 0 ? ready : this.#threads).reduce((least, thread) =>
      thread.load < least.load ? thread : least,
    );
    return free.run(job);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  #start(): Thread {
    const thread = new Thread(this.options, (error) => {
      const at = this.#threads.indexOf(thread);
      if (this.#isClosed || at < 0) return;
      if (error === undefined) this.#threads[at] = this.#start();
      else this.options.onUnfit(error);
    });
    return thread;
  }
}

class Thread {
  isReady = false;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #crash: unknown;
  #isUnfit = false;

  /** @param ended undefined: it died over its work; else it cannot work at all. */
  constructor({ program, file, fingerprints }: PoolOptions, ended: (unfit: unknown) => void) {
    const workerData: ThreadData = { file, fingerprints };
    this.#worker = new Worker(fileURLToPath(program), { workerData, stdout: true, stderr: true });
    createInterface(this.#worker.stdout).on('line', (line) => console.log(line));
    createInterface(this.#worker.stderr).on('line', (line) => console.error(line));
    this.#worker.on('message', (message: ThreadMessage) => {
      if (message.type === 'ready') this.isReady = true;
      else if (message.type === 'answer') this.#settle(message.id)?.resolve(message.answer);
      else {
        this.#isUnfit = true;
        this.#failAll(deserializeError(message.error));
        ended(deserializeError(message.error));
      }
    });
    this.#worker.on('error', (error) => {
      this.#crash = error;
    });
    this.#worker.on('exit', (code) => {
      const why = this.#crash === undefined ? `it ended with code ${code}` : messageOf(this.#crash);
      this.#failAll(new WorkerThreadError(why, { cause: this.#crash }));
      const neverWorked = !this.isReady && this.#nextId === 0;
      if (!this.#isUnfit) ended(neverWorked ? new WorkerThreadError(why, { cause: this.#crash }) : undefined);
    });
  }

  get load(): number {
    return this.#waiting.size;
  }

  run(job: ThreadJob): Promise<ThreadResult> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { job, resolve, reject });
      this.#worker.postMessage({ id, job }, [
        job.raw.bytes.buffer as ArrayBuffer,
        job.raw.bounds.buffer as ArrayBuffer,
      ]);
    });
  }

  async close(): Promise<void> {
    this.#isUnfit = true;
    await this.#worker.terminate();
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #failAll(error: unknown): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}
