/** The folder of one crash case: the pipeline's working directory, and beside it the test's own files. */
import { randomUUID } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CheckpointSummary } from '../../checkpoint/checkpoint-summary.js';
import { StateManager } from '../../checkpoint/state-manager.js';
import { lowdbStorage } from '../../checkpoint/storages/lowdb-storage.js';
import { DEFAULT_STATE_DIRECTORY, removeTree } from '../../checkpoint/storages/state-directory.js';
import { nodeFileSystem } from '../../platform/node-file-system.js';
import { TestingError } from '../errors.js';

/** The package's directory, with `dist`; also when the tests run on the sources. */
export const PACKAGE = dirname(createRequire(import.meta.url).resolve('xstate-pipeline/package.json'));

/** One invocation of a durable stage, recorded by the stage itself. */
export interface LedgerLine {
  readonly stage: string;
  readonly batch: number;
  /** From 1. */
  readonly attempt: number;
  readonly idempotencyKey: string;
}

const MAX_BYTES = 2 ** 30;

/** Output files by path in the working directory; null: missing. */
export type Output = Readonly<Record<string, string | null>>;

export class CrashFolder {
  readonly work: string;
  /** The pipeline file for the command line: the user's own, with recording stages. */
  readonly entry: string;
  readonly #ledger: string;
  #operationLogs = 0;

  private constructor(readonly path: string) {
    this.work = join(path, 'work');
    this.entry = join(path, 'pipeline.mjs');
    this.#ledger = join(path, 'ledger');
  }

  static async make(
    pipelineFile: string,
    files: Readonly<Record<string, string | Uint8Array>>,
  ): Promise<CrashFolder> {
    const folder = new CrashFolder(join(realpathSync(tmpdir()), `xstate-pipeline-crash-${randomUUID()}`));
    for (const name of Object.keys(files)) {
      if (relative(folder.work, resolve(folder.work, name)).startsWith('..'))
        throw new TestingError(
          `crashTest: the file ${name} is outside the working directory. Give a path inside it.`,
        );
    }
    await nodeFileSystem.mkdir(folder.work);
    for (const [name, contents] of Object.entries(files)) {
      const path = resolve(folder.work, name);
      await nodeFileSystem.mkdir(dirname(path));
      await write(path, contents);
    }
    const url = (path: string) => JSON.stringify(pathToFileURL(path).href);
    await write(
      folder.entry,
      `import { watched } from ${url(join(PACKAGE, 'dist/src/testing/crash/watched.js'))};
import * as pipelineFile from ${url(pipelineFile)};
export default watched(pipelineFile, ${JSON.stringify(folder.#ledger)});
`,
    );
    return folder;
  }

  /** The stored session; undefined when there is none. */
  async session(): Promise<CheckpointSummary | undefined> {
    const state = join(this.work, DEFAULT_STATE_DIRECTORY);
    const [newest] = await new StateManager(lowdbStorage(state)).listCheckpoints();
    return newest;
  }

  /** The files that the stored session wrote, by its checkpoint: sink and dead letters. */
  async output(): Promise<Output> {
    const session = await this.session();
    if (session === undefined || session.state === 'CORRUPT') return {};
    const { sink, deadLetter } = session.checkpoint;
    const found: Record<string, string | null> = {};
    for (const place of [sink, deadLetter]) {
      if (typeof place?.path !== 'string') continue;
      found[relative(this.work, place.path)] = await read(place.path);
    }
    return found;
  }

  newOperationLog(): string {
    return join(this.path, `operations-${++this.#operationLogs}`);
  }

  async readOperationLog(path: string): Promise<readonly string[]> {
    return linesOf(await read(path));
  }

  async readLedger(): Promise<readonly LedgerLine[]> {
    return linesOf(await read(this.#ledger)).map((line) => {
      const [stage = '', batch, attempt, idempotencyKey = ''] = line.split('\t');
      return { stage, batch: Number(batch), attempt: Number(attempt), idempotencyKey };
    });
  }

  remove(): Promise<void> {
    return removeTree(nodeFileSystem, this.path);
  }
}

function linesOf(text: string | null): string[] {
  return text === null ? [] : text.split('\n').slice(0, -1);
}

async function write(path: string, contents: string | Uint8Array): Promise<void> {
  const handle = await nodeFileSystem.open(path, 'create');
  await handle.write([typeof contents === 'string' ? new TextEncoder().encode(contents) : contents], 0);
  await handle.close();
}

/** As Latin-1, so that every byte counts. */
async function read(path: string): Promise<string | null> {
  if ((await nodeFileSystem.stat(path)) === undefined) return null;
  return Buffer.from(await nodeFileSystem.readFile(path, MAX_BYTES)).toString('latin1');
}
