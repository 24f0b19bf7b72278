/**
 * The server's books: one JSON line for each request, written before its answer is sent. They survive the server, so that a
 * second process of it knows which idempotency keys were answered and what was charged.
 *
 * @typedef {object} Entry
 * @property {number} number of the request, from 1.
 * @property {number} at milliseconds since the epoch, when the entry was written.
 * @property {string} path
 * @property {string | null} key the request's `Idempotency-Key`.
 * @property {string} body SHA-256 of the body, 16 hexadecimal digits.
 * @property {number} status of the answer; 0 where none was sent.
 * @property {string | null} fault
 * @property {number} rows that the request asked about.
 * @property {number} inputTokens that were charged
 * @property {number} outputTokens
 * @property {number} nanoUsd charged, in 1e-9 dollars.
 * @property {boolean} isRepeated whether the key was answered before.
 * @property {number} atOnce requests in progress, with this one.
 * @property {boolean} isAbandoned whether the client closed the connection before the answer.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

export class Books {
  #file;
  #requests = 0;
  #nanoUsd = 0;
  /** @type {Set<string>} */
  #answered = new Set();

  /** @param {string} file */
  constructor(file) {
    this.#file = file;
    mkdirSync(dirname(file), { recursive: true });
    for (const entry of readBooks(file)) this.#count(entry);
  }

  get requests() {
    return this.#requests;
  }

  get nanoUsd() {
    return this.#nanoUsd;
  }

  /** @param {string | null} key */
  wasAnswered(key) {
    return key !== null && this.#answered.has(key);
  }

  /** @param {Omit<Entry, 'at' | 'number'>} entry */
  write(entry) {
    const full = { number: this.#requests + 1, at: Date.now(), ...entry };
    this.#count(full);
    appendFileSync(this.#file, `${JSON.stringify(full)}\n`);
  }

  /** @param {Entry} entry */
  #count({ key, status, nanoUsd }) {
    this.#requests++;
    this.#nanoUsd += nanoUsd;
    if (key !== null && status === 200) this.#answered.add(key);
  }
}

/**
 * The entries of a books file; none if there is no file.
 * @param {string | URL} file
 * @returns {Entry[]}
 */
export function readBooks(file) {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
