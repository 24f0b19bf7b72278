/**
 * A service that charges, limits and fails, over HTTP on the loopback: `POST /v1/chat/completions` speaks the protocol of
 * OpenAI-compatible models, `POST /v1/rows` answers `{ rows }` with `{ rows, usage }`. It keeps its own books (books.mjs).
 *
 * 1. A request is booked before its answer is sent; work that was done is charged, whether or not the client still listens.
 * 2. A known idempotency key is answered again without a charge, unless `deduplicates` is false.
 * 3. The same seed and body give the same answer and the same fault, whatever the order.
 *
 * `GET` and `POST /admin/settings` read and change the settings (settings.mjs).
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { Books } from './books.mjs';
import { Bucket } from './bucket.mjs';
import { contentFor, itemsIn, textOf, UNANSWERABLE } from './model.mjs';
import { hash, share } from './random.mjs';
import { DEFAULTS } from './settings.mjs';

/**
 * @typedef {import('./settings.mjs').Settings} Settings
 * @typedef {import('node:http').IncomingMessage} IncomingMessage
 * @typedef {import('node:http').ServerResponse} ServerResponse
 * @typedef {{ status: number, body: unknown, headers?: Record<string, string> }} Answer
 * @typedef {object} Call  one request, as read.
 * @property {string} path
 * @property {string | null} key
 * @property {string} body the hash
 * @property {any} json
 * @property {number} rows
 * @property {number} inputTokens
 */

/** @type {Record<string, [status: number, type: string, message: string]>} */
const REFUSALS = {
  'rate-limited': [429, 'rate_limit_exceeded', 'Too many requests.'],
  quota: [429, 'insufficient_quota', 'You exceeded your current quota.'],
  payment: [402, 'payment_required', 'Your balance is empty.'],
  unauthorized: [401, 'invalid_api_key', 'The API key was revoked.'],
  'bad-request': [400, 'invalid_request_error', 'The request is not understood.'],
  error: [500, 'server_error', 'The server failed.'],
  overloaded: [529, 'overloaded_error', 'The server is overloaded.'],
};

/** @param {number} characters */
const tokensOf = (characters) => Math.ceil(characters / 4);

/**
 * Starts the server on the loopback.
 * @param {{ books: string, port?: number, settings?: Partial<Settings> }} options
 * @returns {Promise<{ url: string, close(): void }>}
 */
export async function startChargingServer({ books: file, port = 0, settings: given = {} }) {
  const service = new ChargingServer(new Books(file), { ...DEFAULTS, ...given });
  const server = createServer((request, response) => {
    service.answer(request, response).catch((error) => {
      console.error(error);
      response.destroy();
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((listening) => server.listen(port, '127.0.0.1', () => listening(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

class ChargingServer {
  #books;
  /** @type {Settings} */
  #settings;
  #atOnce = 0;
  /** How often each body was seen. @type {Map<string, number>} */
  #attempts = new Map();
  /** @type {Bucket | undefined} */
  #requestBucket;
  /** @type {Bucket | undefined} */
  #tokenBucket;

  /** @param {Books} books @param {Settings} settings */
  constructor(books, settings) {
    this.#books = books;
    this.#settings = settings;
    this.#fillBuckets();
  }

  /** @param {IncomingMessage} request @param {ServerResponse} response */
  async answer(request, response) {
    const text = await bodyOf(request);
    const path = request.url ?? '';
    if (path === '/admin/settings') return this.#administer(request, response, text);
    if (request.method !== 'POST' || !['/v1/chat/completions', '/v1/rows'].includes(path))
      return send(response, { status: 404, body: refusal('not_found', `There is no ${path}.`) });
    this.#atOnce++;
    try {
      await this.#serve(readCall(path, request, text), request, response);
    } finally {
      this.#atOnce--;
    }
  }

  /** @param {IncomingMessage} request @param {ServerResponse} response @param {string} text */
  #administer(request, response, text) {
    if (request.method === 'POST') {
      const changes = JSON.parse(text);
      this.#settings = { ...this.#settings, ...changes };
      if ('limit' in changes) this.#fillBuckets();
    }
    send(response, { status: 200, body: this.#settings });
  }

  #fillBuckets() {
    const { limit } = this.#settings;
    const bucket = (/** @type {number | undefined} */ amount) =>
      amount === undefined || limit === null
        ? undefined
        : new Bucket(amount, limit.perMs, limit.burst ?? amount, performance.now());
    this.#requestBucket = bucket(limit?.requests);
    this.#tokenBucket = bucket(limit?.tokens);
  }

  /** @param {Call} call @param {IncomingMessage} request @param {ServerResponse} response */
  async #serve(call, request, response) {
    const refused = this.#refuse(request, call);
    if (refused !== undefined) {
      this.#book(call, response, refused.status, refused.fault, false, 0);
      return send(response, refused);
    }
    const { seed, latencyMs, spreadMs } = this.#settings;
    const fault = this.#faultOf(call);
    if (latencyMs + spreadMs > 0) await wait(latencyMs + spreadMs * share(seed, 'latency', call.body));
    if (fault === 'hang') return this.#book(call, response, 0, fault, false, 0);
    if (fault !== undefined && fault in REFUSALS) {
      const answer = refuse(fault, this.#settings.retryAfterMs);
      this.#book(call, response, answer.status, fault, false, 0);
      return send(response, answer);
    }
    const { body, outputTokens } = answerTo(call, fault, seed);
    this.#book(call, response, 200, fault, true, outputTokens);
    send(response, { status: 200, body }, fault === 'cut');
  }

  /** What is refused at the door, without work. @param {IncomingMessage} request @param {Call} call */
  #refuse(request, call) {
    const { revokedKeys, quotaNanoUsd, capacity } = this.#settings;
    const apiKey = (request.headers.authorization ?? '').replace(/^Bearer /, '');
    if (revokedKeys.includes(apiKey)) return { ...refuse('unauthorized', 0), fault: 'unauthorized' };
    if (quotaNanoUsd !== null && this.#books.nanoUsd >= quotaNanoUsd)
      return { ...refuse('quota', 0), fault: 'quota' };
    if (capacity !== null && this.#atOnce > capacity)
      return { ...refuse('overloaded', 0), fault: 'overloaded' };
    const now = performance.now();
    const waitMs = Math.max(
      this.#requestBucket?.wait(1, now) ?? 0,
      this.#tokenBucket?.wait(call.inputTokens, now) ?? 0,
    );
    if (waitMs > 0) return { ...refuse('rate-limited', waitMs), fault: 'rate-limited' };
    this.#requestBucket?.take(1);
    this.#tokenBucket?.take(call.inputTokens);
    return undefined;
  }

  /** Invariant 3. @param {Call} call */
  #faultOf(call) {
    const { seed, script, faults, faultyAttempts, faultyFrom } = this.#settings;
    const [scripted, ...rest] = script;
    if (scripted !== undefined) {
      this.#settings = { ...this.#settings, script: rest };
      return scripted === 'none' ? undefined : scripted;
    }
    const attempt = (this.#attempts.get(call.body) ?? 0) + 1;
    this.#attempts.set(call.body, attempt);
    if (attempt > faultyAttempts || call.rows < faultyFrom) return undefined;
    let left = share(seed, 'fault', call.body, attempt);
    for (const [fault, rate] of Object.entries(faults)) {
      left -= rate;
      if (left < 0) return fault;
    }
    return undefined;
  }

  /**
   * @param {Call} call @param {ServerResponse} response @param {number} status @param {string | undefined} fault
   * @param {boolean} isCharged @param {number} outputTokens
   */
  #book({ path, key, body, rows, inputTokens }, response, status, fault, isCharged, outputTokens) {
    const { nanoUsd, deduplicates } = this.#settings;
    const isRepeated = this.#books.wasAnswered(key);
    const pays = isCharged && !(isRepeated && deduplicates);
    this.#books.write({
      path,
      key,
      body,
      status,
      fault: fault ?? null,
      rows,
      inputTokens: pays ? inputTokens : 0,
      outputTokens: pays ? outputTokens : 0,
      nanoUsd: pays
        ? nanoUsd.perCall + inputTokens * nanoUsd.perInputToken + outputTokens * nanoUsd.perOutputToken
        : 0,
      isRepeated,
      atOnce: this.#atOnce,
      isAbandoned: response.destroyed,
    });
  }
}

/** @param {string} path @param {IncomingMessage} request @param {string} text @returns {Call} */
function readCall(path, request, text) {
  const json = JSON.parse(text);
  const key = request.headers['idempotency-key'];
  const body = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const isChat = path === '/v1/chat/completions';
  const characters = isChat
    ? json.messages.map((/** @type {any} */ message) => textOf(message.content)).join('').length
    : JSON.stringify(json.rows).length;
  const rows = isChat ? itemsIn(json.messages).length : json.rows.length;
  return {
    path,
    key: typeof key === 'string' ? key : null,
    body,
    json,
    rows,
    inputTokens: tokensOf(characters),
  };
}

/** @param {Call} call @param {string | undefined} fault @param {number} seed */
function answerTo({ path, body, json, inputTokens }, fault, seed) {
  const isChat = path === '/v1/chat/completions';
  const content = isChat
    ? contentFor(json.response_format?.json_schema?.schema, itemsIn(json.messages), fault, seed)
    : JSON.stringify(answerRows(json.rows, seed));
  const outputTokens = tokensOf(content.length);
  const usage = {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  };
  if (!isChat) return { body: { rows: JSON.parse(content), usage }, outputTokens };
  const finish = fault === 'length' ? 'length' : fault === 'filter' ? 'content_filter' : 'stop';
  const message = { role: 'assistant', content: fault === 'filter' ? '' : content };
  return {
    body: {
      id: `chat-${body}`,
      object: 'chat.completion',
      created: 0,
      model: json.model,
      choices: [{ index: 0, message, finish_reason: finish }],
      usage,
    },
    outputTokens,
  };
}

/** Each row with a `score`, by its JSON. @param {readonly object[]} rows @param {number} seed */
function answerRows(rows, seed) {
  return rows
    .filter((row) => !JSON.stringify(row).includes(UNANSWERABLE))
    .map((row) => ({ ...row, score: hash(seed, JSON.stringify(row)) % 100 }));
}

/** @param {string} fault @param {number} retryAfterMs @returns {Answer} */
function refuse(fault, retryAfterMs) {
  const [status, type, message] = /** @type {[number, string, string]} */ (REFUSALS[fault]);
  /** @type {Record<string, string>} */
  const headers =
    fault === 'rate-limited'
      ? { 'retry-after-ms': String(retryAfterMs), 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }
      : {};
  return { status, headers, body: refusal(type, message) };
}

/** @param {string} type @param {string} message */
const refusal = (type, message) => ({ error: { message, type, param: null, code: type } });

/** @param {ServerResponse} response @param {Answer} answer @param {boolean} [isCut] */
function send(response, { status, body, headers = {} }, isCut = false) {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  if (!isCut) return void response.end(text);
  response.write(text.slice(0, text.length / 2), () => response.destroy());
}

/** @param {IncomingMessage} request @returns {Promise<string>} */
async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
