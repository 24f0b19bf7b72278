/** One run over real processes, which are killed; stage invocations are recorded in a ledger outside the state directory. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { PipelineEvent, ResumeOptions } from 'xstate-pipeline';
import { freshFolder } from '../support/folders.js';

const CHILD = fileURLToPath(new URL('child.mjs', import.meta.url));

export interface StageSpec {
  readonly name: string;
  readonly durable: boolean;
  /** 0: a synchronous row stage. */
  readonly concurrency: number;
}

export interface ProcessRun {
  readonly completed: boolean;
  readonly sessionId: string | null;
  readonly durable: readonly string[];
  readonly invoked: readonly string[];
  readonly stderr: string;
  readonly notices: string;
}

export class KilledRun {
  readonly folder = freshFolder();
  readonly #file = (name: string) => join(this.folder, name);

  constructor(
    readonly rows: number,
    readonly stages: readonly StageSpec[],
    readonly batchSize: number,
    /** Of the input, each compressed if there are several. */
    private readonly files = 1,
  ) {
    const line = (n: number) => `${JSON.stringify({ n, text: `row ${n} — ünïcödé` })}\n`;
    const text = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => line(from + i)).join('');
    if (files === 1) writeFileSync(this.#file('in.jsonl'), text(0, rows));
    for (let i = 0; files > 1 && i < files; i++) {
      const [from, to] = [Math.floor((rows * i) / files), Math.floor((rows * (i + 1)) / files)];
      writeFileSync(this.#file(`in-${1000 + i}.jsonl.gz`), gzipSync(text(from, to)));
    }
    writeFileSync(this.#file('ledger'), '');
  }

  output(name = 'out.jsonl'): string {
    return readFileSync(this.#file(name), 'utf8');
  }

  /** The files below a folder, with their texts; not the session of their list. */
  outputs(name: string): Record<string, string> {
    const found: Record<string, string> = {};
    for (const each of readdirSync(this.#file(name), { recursive: true, encoding: 'utf8' }).toSorted()) {
      const path = join(this.#file(name), each);
      const stat = statSync(path);
      // A session that was killed before its first checkpoint may leave an empty working file.
      if (!stat.isFile() || (each.endsWith('.part') && stat.size === 0)) continue;
      found[each] = readFileSync(path, 'utf8').replace(/"session":"[^"]*"/, '');
    }
    return found;
  }

  /** Runs one process, killed after `killAfter` events, or never. */
  async runProcess(
    sessionId: string | null,
    killAfter = Number.POSITIVE_INFINITY,
    output = 'out.jsonl',
    options: ResumeOptions = {},
    /** Killed before this operation on an output. */
    killAt?: number,
  ): Promise<ProcessRun> {
    const before = readFileSync(this.#file('ledger'), 'utf8').length;
    const args = {
      input: this.#file(this.files === 1 ? 'in.jsonl' : 'in-*.jsonl.gz'),
      output: this.#file(output),
      isSplit: output.includes('{key}'),
      state: this.#file('state'),
      ledger: this.#file('ledger'),
      sessionId,
      batchSize: this.batchSize,
      stages: this.stages,
      options,
      killAt,
    };
    const child = spawn(process.execPath, [CHILD, JSON.stringify(args)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    const durable: string[] = [];
    let count = 0;
    let notices = '';
    let completed = false;
    let id = sessionId;
    for await (const line of createInterface({ input: child.stdout })) {
      const event = parse(line);
      if (event === undefined) continue;
      id = event.sessionId;
      if (event.type === 'batch.completed' && event.durable) durable.push(`${event.stage} ${event.batch}`);
      if (event.type === 'notice') notices += `${event.message}\n`;
      if (event.type === 'pipeline.completed') completed = true;
      if (++count === killAfter) child.kill('SIGKILL');
    }
    const invoked = readFileSync(this.#file('ledger'), 'utf8').slice(before).split('\n').slice(0, -1);
    return { completed, sessionId: id, durable, invoked, stderr, notices };
  }
}

/** Ignores a line that the kill cut short. */
function parse(line: string): PipelineEvent | undefined {
  try {
    return JSON.parse(line) as PipelineEvent;
  } catch {
    return undefined;
  }
}
