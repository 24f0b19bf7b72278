/** Numbers for display: short, with their unit. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export const count = (value: number): string => whole.format(value);

/** 1,234 → 1.23k, so that a lane keeps its width. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size < 1000)
    return size > 0 && size < 10 && !Number.isInteger(value) ? value.toFixed(1) : whole.format(value);
  const [unit, by] = size < 1e6 ? ['k', 1e3] : size < 1e9 ? ['M', 1e6] : ['G', 1e9];
  const scaled = value / (by as number);
  return `${scaled.toFixed(Math.abs(scaled) < 10 ? 2 : Math.abs(scaled) < 100 ? 1 : 0)}${unit}`;
}

/** Milliseconds as `870 µs`, `12 ms`, `4.2 s`, `3m 08s`, `2h 05m`, `3d 4h`. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  if (ms < 1) return ms <= 0 ? '0 ms' : `${Math.round(ms * 1000)} µs`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const pad = (value: number) => String(Math.floor(value)).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${pad(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ${pad((seconds % 3600) / 60)}m`;
  return `${Math.floor(seconds / 86_400)}d ${Math.floor((seconds % 86_400) / 3600)}h`;
}

/** Dollars: `$0.0042`, `$1.23`, `$12,345`. */
export function money(usd: number): string {
  const digits = usd !== 0 && Math.abs(usd) < 0.1 ? 4 : Math.abs(usd) < 1000 ? 2 : 0;
  return `$${usd.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

export function bytes(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value < 1024) return `${whole.format(value)} B`;
  const [unit, by] = value < 2 ** 20 ? ['KB', 2 ** 10] : value < 2 ** 30 ? ['MB', 2 ** 20] : ['GB', 2 ** 30];
  const scaled = value / (by as number);
  return `${scaled.toFixed(scaled < 10 ? 2 : scaled < 100 ? 1 : 0)} ${unit}`;
}

const two = (value: number, width = 2): string => String(value).padStart(width, '0');

/** `14:03:22.120`, in the reader's own time zone. */
export function clock(at: number, withMillis = true): string {
  const date = new Date(at);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return withMillis ? `${time}.${two(date.getMilliseconds(), 3)}` : time;
}

/** `2026-03-04`. */
export function day(at: number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** `2026-03-04 14:03:22`. */
export const moment = (at: number): string => `${day(at)} ${clock(at, false)}`;

/** The first eight characters of an id. */
export const shortId = (id: string): string => id.slice(0, 8);
