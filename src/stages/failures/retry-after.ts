/**
 * How long a server asks its clients to wait, from the headers of its answer.
 *
 * The order in which headers win: `retry-after-ms`; `retry-after`, in seconds or as an HTTP date (RFC 9110, 10.2.3);
 * `x-ratelimit-reset-requests` and `-tokens`, `x-ratelimit-reset`, `ratelimit-reset`: durations ("6m0s", "1.5s"), seconds, or
 * seconds since the epoch; `anthropic-ratelimit-*-reset`: ISO dates. A value that cannot be read is passed over.
 *
 * A reset header is in every answer of some services. It counts unless its `-remaining` sibling says that the limit is not
 * reached; if all siblings say so, on a 429, all count.
 */

/** Header names in lower case. */
export type Headers = ReadonlyMap<string, string>;

/** @param now milliseconds since the epoch
 * @returns milliseconds from 0; undefined: the server names no time. */
export function retryAfterMs(headers: Headers, status: number, now: number): number | undefined {
  const asked =
    millisecondsOf(headers.get('retry-after-ms')) ??
    afterSecondsOrDate(headers.get('retry-after'), now) ??
    latestReset(headers, RATE_LIMIT_RESET, status, now) ??
    latestReset(headers, ANTHROPIC_RESET, status, now);
  return asked === undefined ? undefined : Math.max(0, asked);
}

const RATE_LIMIT_RESET = /^(?:x-)?ratelimit-reset(?:-[a-z-]+)?$/;
const ANTHROPIC_RESET = /^anthropic-ratelimit-[a-z-]+-reset$/;

/** The latest of the resets: all limits must be open again. */
function latestReset(headers: Headers, name: RegExp, status: number, now: number): number | undefined {
  const resets = [...headers].flatMap(([header, value]) => {
    const afterMs = name.test(header) ? (durationOf(value, now) ?? dateOf(value, now)) : undefined;
    if (afterMs === undefined) return [];
    const remaining = Number(headers.get(header.replace('reset', 'remaining')) ?? Number.NaN);
    return [{ afterMs, isOpen: remaining > 0 }];
  });
  const reached = resets.filter(({ isOpen }) => !isOpen);
  const counted = reached.length === 0 && status === 429 ? resets : reached;
  return counted.length === 0 ? undefined : Math.max(...counted.map(({ afterMs }) => afterMs));
}

function afterSecondsOrDate(value: string | undefined, now: number): number | undefined {
  return value === undefined ? undefined : (secondsOf(value) ?? dateOf(value, now));
}

const NUMBER = /^\s*(\d+(?:\.\d+)?)\s*$/;

function numberOf(value: string): number | undefined {
  const digits = NUMBER.exec(value)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function millisecondsOf(value: string | undefined): number | undefined {
  return value === undefined ? undefined : numberOf(value);
}

function secondsOf(value: string): number | undefined {
  const seconds = numberOf(value);
  return seconds === undefined ? undefined : seconds * 1000;
}

/** A larger number of seconds is a date, not a wait of 30 years. */
const EPOCH_SECONDS = 1_000_000_000;
const EPOCH_MILLISECONDS = 1_000_000_000_000;
const DURATION = /^\s*(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?\s*$/;
const UNITS = [86_400_000, 3_600_000, 60_000, 1_000, 1];

/** `6m0s`, `1.5s`, `120ms`, `90` (seconds), or a date in seconds or milliseconds since the epoch. */
function durationOf(value: string, now: number): number | undefined {
  const number = numberOf(value);
  if (number !== undefined) {
    if (number >= EPOCH_MILLISECONDS) return number - now;
    return number >= EPOCH_SECONDS ? number * 1000 - now : number * 1000;
  }
  const parts = DURATION.exec(value)?.slice(1);
  if (parts === undefined || parts.every((part) => part === undefined)) return undefined;
  return parts.reduce((sum, part, i) => sum + Number(part ?? 0) * (UNITS[i] as number), 0);
}

/** An HTTP date or an ISO date. */
function dateOf(value: string, now: number): number | undefined {
  // Date.parse also reads "-1" and "2".
  if (!/[a-z]/i.test(value)) return undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : at - now;
}
