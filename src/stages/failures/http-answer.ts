/**
 * The HTTP answer behind an error, found by shape: errors come from many clients, from other realms and from other copies of
 * a package.
 *
 * | thrown by | shape |
 * | --- | --- |
 * | `throw response` after `fetch`; ky | a `Response`, itself or in `response` |
 * | AI SDK (`AI_APICallError`) | `statusCode`, `responseHeaders`, `responseBody`; in `lastError` of `AI_RetryError` |
 * | axios, gaxios, got | `response.status` or `.statusCode`, `response.headers`, `response.data` |
 * | undici | `statusCode`, `headers` as an object or a list, `body` |
 * | SDKs of OpenAI, Anthropic and others | `status`, `headers`, `code`, `error` |
 * | AWS SDK | `$metadata.httpStatusCode`, `$response` |
 *
 * Total: getters that throw and objects that refer to themselves are no obstacle.
 */
import { field } from '../../platform/thrown.js';
import type { Headers } from './retry-after.js';

/** What a server answered. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Error codes and types of the error and its body, in lower case. */
  readonly codes: readonly string[];
}

/** Where the answer, or the error that holds it, may be. */
const INSIDE = ['response', 'lastError', 'cause', '$response'] as const;
const MAX_DEPTH = 6;

/** @returns undefined: the error is not about an HTTP answer. */
export function httpAnswerOf(error: unknown): HttpAnswer | undefined {
  for (const holder of chainOf(error)) {
    const status = statusOf(holder);
    if (status === undefined) continue;
    const headers = headersOf(holder);
    return { status, headers, codes: codesOf(holder, error) };
  }
  return undefined;
}

/** The error and what it wraps, nearest first. */
export function chainOf(error: unknown): object[] {
  const seen = new Set<object>();
  const visit = (value: unknown, depth: number): void => {
    if (!isObject(value) || seen.has(value) || depth > MAX_DEPTH) return;
    seen.add(value);
    for (const key of INSIDE) visit(field(value, key), depth + 1);
  };
  visit(error, 0);
  return [...seen];
}

function statusOf(holder: object): number | undefined {
  const metadata = field(holder, '$metadata');
  const candidates = [
    field(holder, 'status'),
    field(holder, 'statusCode'),
    field(metadata, 'httpStatusCode'),
  ];
  return candidates.find(isStatus);
}

function isStatus(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 300 && (value as number) <= 599;
}

/** Of the error itself, else of the response that it carries. */
function headersOf(holder: object): Headers {
  const places = [holder, field(holder, 'response'), field(holder, '$response')];
  for (const place of places) {
    const headers = readHeaders(field(place, 'headers') ?? field(place, 'responseHeaders'));
    if (headers.size > 0) return headers;
  }
  return new Map();
}

/** A `Headers` object, a plain object, a list of pairs, or undici's flat list of names and values. */
function readHeaders(given: unknown): Headers {
  const headers = new Map<string, string>();
  const add = (name: unknown, value: unknown) => {
    const text = Array.isArray(value) ? value[0] : value;
    if (text !== undefined && text !== null) headers.set(String(name).toLowerCase(), String(text));
  };
  if (!isObject(given)) return headers;
  try {
    if (Array.isArray(given)) {
      if (given.every((pair) => Array.isArray(pair))) for (const [name, value] of given) add(name, value);
      else for (let i = 0; i + 1 < given.length; i += 2) add(given[i], given[i + 1]);
    } else if (typeof field(given, 'forEach') === 'function') {
      const list = given as { forEach(visit: (value: unknown, name: unknown) => void): void };
      list.forEach((value, name) => {
        add(name, value);
      });
    } else {
      for (const [name, value] of Object.entries(given)) add(name, value);
    }
  } catch {
    // Headers that cannot be read are none.
  }
  return headers;
}

/** Where bodies of clients are. */
const BODIES = ['error', 'data', 'body', 'responseBody'] as const;

function codesOf(holder: object, error: unknown): string[] {
  const codes = new Set<string>();
  const visit = (value: unknown, depth: number): void => {
    const body = typeof value === 'string' ? parsed(value) : value;
    if (!isObject(body) || depth > 3) return;
    for (const key of ['code', 'type'] as const) {
      const code = field(body, key);
      if (typeof code === 'string' && code.length <= 100) codes.add(code.toLowerCase());
    }
    for (const key of BODIES) visit(field(body, key), depth + 1);
  };
  for (const place of new Set([...chainOf(error), holder])) visit(place, 0);
  return [...codes];
}

const MAX_BODY = 100_000;

function parsed(body: string): unknown {
  if (body.length > MAX_BODY || !/^\s*[{[]/.test(body)) return undefined;
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
