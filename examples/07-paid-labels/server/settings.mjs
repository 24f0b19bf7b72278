/**
 * What the charging server can be set to do: at its start (`--settings`), and at any time by `POST /admin/settings`, which
 * replaces the given fields.
 *
 * @typedef {'rate-limited' | 'quota' | 'payment' | 'unauthorized' | 'bad-request' | 'error' | 'overloaded' | 'hang' | 'cut'
 *   | 'half-json' | 'length' | 'filter' | 'missing-id' | 'doubled-id' | 'foreign-id' | 'reversed' | 'not-fitting'} Fault
 *   Answers 429 with Retry-After, 429 `insufficient_quota`, 402, 401, 400, 500, 529; never answers; sends half of the answer
 *   and closes the connection; sends JSON that ends early; stops at the token limit; stops at the content filter; leaves out,
 *   doubles or replaces the id of one row; answers the rows in reverse order; breaks the schema for one row. From 'cut' on, the
 *   work was done and is charged.
 *
 * @typedef {object} Settings
 * @property {number} seed of everything that looks random.
 * @property {number} latencyMs before an answer.
 * @property {number} spreadMs at most so much more, by seed and request.
 * @property {{ perCall: number, perInputToken: number, perOutputToken: number }} nanoUsd what is charged, in 1e-9 dollars.
 *   A token is four characters, begun ones count.
 * @property {Partial<Record<Fault, number>>} faults share of the requests, 0 to 1, that meet each fault.
 * @property {number} faultyAttempts how often the same body may meet one. The default, 1, lets the second attempt succeed.
 * @property {number} faultyFrom rows: smaller requests meet no fault of `faults`.
 * @property {readonly (Fault | 'none')[]} script faults of the next requests, in order of arrival; they come before `faults`.
 * @property {number} retryAfterMs that a 429 of `faults` or `script` names.
 * @property {{ requests?: number, tokens?: number, perMs: number, burst?: number } | null} limit token buckets, of requests and
 *   of input tokens: `burst` (default: the whole limit) are there at first, and the limit flows in each `perMs`.
 * @property {number | null} capacity requests at once; one more is answered 529.
 * @property {number | null} quotaNanoUsd after which every request is answered 429 `insufficient_quota`.
 * @property {readonly string[]} revokedKeys API keys that are answered 401.
 * @property {boolean} deduplicates a request with a known idempotency key is answered again without a charge.
 */

/** @type {Settings} */
export const DEFAULTS = {
  seed: 1,
  latencyMs: 0,
  spreadMs: 0,
  nanoUsd: { perCall: 0, perInputToken: 150, perOutputToken: 600 },
  faults: {},
  faultyAttempts: 1,
  faultyFrom: 1,
  script: [],
  retryAfterMs: 1000,
  limit: null,
  capacity: null,
  quotaNanoUsd: null,
  revokedKeys: [],
  deduplicates: true,
};
