/**
 * Worker threads that run fused stages: bytes in, bytes out.
 *
 * 1. A job goes to the thread with the fewest jobs; each has room for two, so that it never waits for the next one.
 * 2. A thread that ends fails its own jobs and no others, and is replaced: a crash of a thread is a failed batch (I12).
 * 3. `close` ends threads at once: cancel is immediate (I17).
 * 4. The console of the run prints what a stage prints in a thread.
 */
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { WorkerThreadError } from '../../errors.js';
import { messageOf } from '../../platform/thrown.js';
import { linesEncoder } from './output-lines.js';
import { deserializeError, type SerializedError } from './serialized-error.js';
import {
  BATCHES_PER_THREAD,
  type FusionThreads,
  type ThreadJob,
  type ThreadResult,
  type ThreadsOptions,
} from './thread-job.js';

/** Messages of a thread. */
export type ThreadMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'unfit'; readonly error: SerializedError }
  | { readonly type: 'result'; readonly id: number; readonly result: ThreadResult };

export interface ThreadData {
  readonly file: string;
  readonly arguments: readonly string[];
  readonly fingerprints: readonly string[];
}

interface PoolOptions extends ThreadsOptions {
  /** The thread's program. */
  readonly program: URL;
  /** Absolute. */
  readonly file: string;
  readonly arguments?: readonly string[];
}

interface PendingJob {
  resolve(result: ThreadResult): void;
  reject(error: unknown): void;
}

export class ThreadPool implements FusionThreads {
  readonly encode = linesEncoder('rows after fused stages');
  readonly #threads: Thread[];
  #isClosed = false;

  constructor(private readonly options: PoolOptions) {
    this.#threads = Array.from({ length: options.count }, () => this.#startThread());
  }

  get hasRoom(): boolean {
    return this.#threads.some((thread) => thread.isReady && thread.load < BATCHES_PER_THREAD);
  }

  runJob(job: ThreadJob): Promise<ThreadResult> {
    const ready = this.#threads.filter((thread) => thread.isReady);
    const least = (ready.length > 0 ? ready : this.#threads).reduce((a, b) => (b.load < a.load ? b : a));
    return least.runJob(job);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  #startThread(): Thread {
    const thread = new Thread(this.options, (unfit) => {
      const at = this.#threads.indexOf(thread);
      if (this.#isClosed || at < 0) return;
      if (unfit === undefined) this.#threads[at] = this.#startThread();
      else this.options.onUnfit(unfit);
    });
    return thread;
  }
}

class Thread {
  isReady = false;
  readonly #worker: Worker;
  readonly #pending = new Map<number, PendingJob>();
  #nextId = 0;
  #crash: unknown;
  /** Its end is known already. */
  #isOver = false;

  /** @param onEnd called when the thread ends by itself. `unfit` undefined: it ended over its work; else it cannot work. */
  constructor({ program, file, fingerprints, ...options }: PoolOptions, onEnd: (unfit: unknown) => void) {
    const { arguments: fileArguments = [] } = options;
    const workerData: ThreadData = { file, arguments: fileArguments, fingerprints };
    this.#worker = new Worker(fileURLToPath(program), { workerData, stdout: true, stderr: true });
    createInterface(this.#worker.stdout).on('line', (line) => console.log(line));
    createInterface(this.#worker.stderr).on('line', (line) => console.error(line));
    this.#worker.on('message', (message: ThreadMessage) => {
      if (message.type === 'ready') this.isReady = true;
      else if (message.type === 'result') this.#settleJob(message.id)?.resolve(message.result);
      else {
        this.#isOver = true;
        const error = deserializeError(message.error);
        this.#failJobs(error);
        onEnd(error);
      }
    });
    this.#worker.on('error', (error) => {
      this.#crash = error;
    });
    this.#worker.on('exit', (code) => {
      const why = this.#crash === undefined ? `it exited with code ${code}` : messageOf(this.#crash);
      const error = new WorkerThreadError(why, { cause: this.#crash });
      this.#failJobs(error);
      const hasNeverWorked = !this.isReady && this.#nextId === 0;
      if (!this.#isOver) onEnd(hasNeverWorked ? error : undefined);
    });
  }

  get load(): number {
    return this.#pending.size;
  }

  runJob(job: ThreadJob): Promise<ThreadResult> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, job }, [
        job.raw.bytes.buffer as ArrayBuffer,
        job.raw.bounds.buffer as ArrayBuffer,
      ]);
    });
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#worker.terminate();
  }

  #settleJob(id: number): PendingJob | undefined {
    const job = this.#pending.get(id);
    this.#pending.delete(id);
    return job;
  }

  #failJobs(error: unknown): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(error);
  }
}
