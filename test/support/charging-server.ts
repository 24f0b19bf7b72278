/** The charging server of examples/07-paid-labels, in a process of its own that ends with the test. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Entry, readBooks } from '../../examples/07-paid-labels/server/books.mjs';
import type { Settings } from '../../examples/07-paid-labels/server/settings.mjs';
import { freshFolder } from './folders.js';
import { atTestEnd } from './test-end.js';

export type { Entry, Settings };

export interface ChargingServer {
  /** Without a path: `${url}/v1/chat/completions`, `${url}/v1/rows`. */
  readonly url: string;
  /** File of its books. */
  readonly file: string;
  books(): Entry[];
  /** The sum of the books, in 1e-9 dollars. */
  nanoUsd(): number;
  /** Changes its settings from now on; resolves when they are in force. */
  set(settings: Partial<Settings>): Promise<void>;
  /** Ends the process with SIGKILL. */
  kill(): void;
}

const MAIN = fileURLToPath(new URL('../../examples/07-paid-labels/server/main.mjs', import.meta.url));

/** @param file books of an earlier server to continue; default: a fresh file. */
export async function chargingServer(
  settings: Partial<Settings> = {},
  file = `${freshFolder()}/books.jsonl`,
): Promise<ChargingServer> {
  const words = [MAIN, '--books', file, '--settings', JSON.stringify(settings), '--until-stdin-ends'];
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const kill = () => void child.kill('SIGKILL');
  atTestEnd(kill);
  const url = await new Promise<string>((started, failed) => {
    createInterface({ input: child.stdout }).once('line', started);
    child.once('error', failed);
    child.once('exit', (code) => failed(new Error(`The charging server ended with code ${code}.`)));
  });
  return {
    url,
    file,
    books: () => readBooks(file),
    nanoUsd: () => readBooks(file).reduce((sum, entry) => sum + entry.nanoUsd, 0),
    set: async (changes) => {
      const answer = await fetch(`${url}/admin/settings`, { method: 'POST', body: JSON.stringify(changes) });
      if (!answer.ok) throw new Error(`The charging server refused its settings: ${answer.status}.`);
    },
    kill,
  };
}
