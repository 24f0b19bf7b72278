/** Parses and formats ages and times. */
import { InvalidOptionError } from '../../errors.js';
import { spanInSeconds } from '../../observers/progress/terminal-text.js';

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** @param text `7d`, `12h`, `30m`, `2w`. @returns milliseconds. @throws {InvalidOptionError} */
export function parseAge(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([mhdw])$/.exec(text.trim().toLowerCase()) ?? [];
  const unitMs = UNIT_MS[unit ?? ''];
  if (amount === undefined || unitMs === undefined)
    throw new InvalidOptionError(
      `"${text}" is not an age. Give a number with m, h, d or w (minutes, hours, days, weeks): 7d, 12h.`,
    );
  return Number(amount) * unitMs;
}

/** `2m 07s ago`. */
export function ago(at: number, now: number): string {
  return now - at < 1000 ? 'just now' : `${spanInSeconds(now - at)} ago`;
}

/** Local time, to the second: 2025-06-01 14:03:22. */
export function localTime(at: number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
