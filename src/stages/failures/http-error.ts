/** Turns an HTTP answer that is not a success into an error with which `httpErrors()` and people can work. */
import { field, messageOf } from '../../platform/thrown.js';

/** The part of a `Response` that `assertOk` uses. */
export interface FetchResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly url: string;
  readonly headers: {
    /** Calls `visit` for each header. */
    forEach(visit: (value: string, name: string) => void): void;
  };
  /** Reads the body. */
  text(): Promise<string>;
}

/** A service answered with a status that is not a success. The message names status, address without query, and the error code of
 * the body. Headers and body are not enumerable, so that logs do not print them. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly #answer: { readonly headers: Readonly<Record<string, string>>; readonly body: string };

  constructor(
    message: string,
    readonly status: number,
    headers: Readonly<Record<string, string>>,
    body: string,
  ) {
    super(message);
    this.#answer = { headers, body };
  }

  /** Names in lower case. */
  get headers(): Readonly<Record<string, string>> {
    return this.#answer.headers;
  }

  /** At most 100,000 characters of the answer's body. */
  get body(): string {
    return this.#answer.body;
  }
}

const MAX_BODY = 100_000;

/**
 * Passes a successful `fetch` response on, and throws an `HttpError` for any other.
 * @throws {HttpError} with status, headers and body of the answer.
 * @example
 * const response = await assertOk(await fetch(url, { signal, headers, body, method: 'POST' }));
 */
export async function assertOk<T extends FetchResponse>(response: T): Promise<T> {
  if (response.ok) return response;
  const body = await response.text().catch(() => '');
  const headers: Record<string, string> = {};
  response.headers.forEach((value, name) => {
    headers[name.toLowerCase()] = value;
  });
  const code = codeIn(body);
  const message = `${messageOf(response)}${code === undefined ? '' : ` (${code})`}`;
  throw new HttpError(message, response.status, headers, body.slice(0, MAX_BODY));
}

/** `error.code`, or the like. */
function codeIn(body: string): string | undefined {
  try {
    const answer: unknown = JSON.parse(body);
    const error = field(answer, 'error') ?? answer;
    const code = [field(error, 'code'), field(error, 'type'), field(error, 'status')].find(
      (one) => typeof one === 'string' && one !== '' && one.length <= 100,
    );
    return code as string | undefined;
  } catch {
    return undefined;
  }
}
