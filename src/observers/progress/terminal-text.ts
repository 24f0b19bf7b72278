/** Text for a terminal: how wide it is, how to shorten it, and figures as people read them. */

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}]|[\u{20000}-\u{3fffd}]/u;
const WITHOUT_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;
const NARROW_ONLY = /^[\x20-\x7e]*$/;

/** Columns that a text without escape sequences takes (Unicode TR 11, the common blocks). */
export function widthOf(text: string): number {
  if (NARROW_ONLY.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += WITHOUT_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** At most `width` columns; what is cut off is shown by `ellipsis`. */
export function shortened(text: string, width: number, ellipsis: string): string {
  if (widthOf(text) <= width) return text;
  const room = width - widthOf(ellipsis);
  if (room <= 0) return width > 0 ? ellipsis.slice(0, width) : '';
  let kept = '';
  let used = 0;
  for (const character of text) {
    used += widthOf(character);
    if (used > room) break;
    kept += character;
  }
  return kept + ellipsis;
}

/** One line that cannot move the cursor or change colours, whatever it was. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim();
}

/** 1,234,567 */
export function grouped(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** 1.23M, for narrow places: three digits at most. */
export function compact(count: number): string {
  const units = ['', 'k', 'M', 'G', 'T'];
  let value = Math.round(count);
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)}${units[unit]}`;
}

/** 850ms, 12s, 1m 07s, 2h 05m, 3d 04h: two units at most. */
export function span(ms: number): string {
  if (ms < 1000) return `${Math.round(Math.max(0, ms))}ms`;
  return spanInSeconds(ms);
}

/** The same without fractions of a second, for what changes while one looks at it. */
export function spanInSeconds(ms: number): string {
  const seconds = Math.round(Math.max(0, ms) / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${two(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h ${two(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d ${two(hours % 24)}h`;
}

/** "1 batch", "2 batches". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${Math.round(count) === 1 ? one : many}`;
}

/** 1,200 rows in, 1,100 out */
export function rowsThrough({
  rowsIn,
  rowsOut,
}: {
  readonly rowsIn: number;
  readonly rowsOut: number;
}): string {
  return `${counted(rowsIn, 'row')} in, ${grouped(rowsOut)} out`;
}
