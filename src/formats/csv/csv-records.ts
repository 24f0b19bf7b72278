/**
 * The fields of CSV records, after RFC 4180, and the dialects of CSV.
 *
 * csv-parse splits the records that have quotes. The others are split at the delimiter, which gives the same fields ten
 * times as fast. `loadCsvParser` comes before.
 */
import { InvalidOptionError } from '../../errors.js';
import { codeOf } from '../../platform/thrown.js';
import type { Records } from '../records.js';
import { csvParser } from './csv-libraries.js';

export interface CsvDialect {
  /** One ASCII character. */
  readonly delimiter: string;
  /** One ASCII character, or false for none; within quotes it is doubled. */
  readonly quote: string | false;
}

/** @throws {InvalidOptionError} */
export function csvDialect(options: {
  readonly delimiter?: string | undefined;
  readonly quote?: string | false | undefined;
}): CsvDialect {
  const { delimiter = ',', quote = '"' } = options;
  for (const [name, value] of [
    ['delimiter', delimiter],
    ['quote', quote],
  ] as const) {
    if (name === 'quote' && value === false) continue;
    if (typeof value !== 'string' || !/^[\t\x20-\x7e]$/.test(value)) {
      const orFalse = name === 'quote' ? ', or false' : '';
      throw new InvalidOptionError(`csv: ${name} has to be one ASCII character${orFalse}.`);
    }
  }
  if (delimiter === quote) throw new InvalidOptionError('csv: delimiter and quote have to differ.');
  return { delimiter, quote };
}

/** Visits the fields of each record in order. `malformed` gets the reason for a record without fields. */
export function forEachCsvRecord(
  records: Records,
  dialect: CsvDialect,
  visit: (fields: readonly string[], index: number) => void,
  malformed: (what: string, index: number) => void,
): void {
  const { delimiter, quote } = dialect;
  const { hasNul } = records;
  const texts: (string | undefined)[] = [];
  const quoted: string[] = [];
  records.forEachText((text) => {
    texts.push(text);
    if (text !== undefined && isQuoted(text, quote) && hasEvenQuotes(text, quote)) quoted.push(text);
  });
  // One call for all of them: csv-parse takes longer to start than to parse a line. A record with an odd number of quotes
  // is malformed, and would join with the next one.
  const parsed = quoted.length === 0 ? [] : parseCsv(quoted.join('\n'), dialect, quoted.length);
  let next = 0;
  for (const [index, text] of texts.entries()) {
    if (text === undefined) malformed('not valid UTF-8', index);
    else if (!isQuoted(text, quote)) {
      if (hasNul && text.includes('\0')) malformed('holds NUL characters', index);
      else visit(text.split(delimiter), index);
    } else {
      const isParsed = typeof parsed !== 'string' && hasEvenQuotes(text, quote);
      const fields = isParsed ? [parsed[next++] ?? []] : parseCsv(text, dialect, 1);
      if (typeof fields === 'string') malformed(fields, index);
      else if (hasNul && text.includes('\0')) malformed('holds NUL characters', index);
      else visit(fields[0] as string[], index);
    }
  }
}

function isQuoted(text: string, quote: string | false): boolean {
  return quote !== false && text.includes(quote);
}

function hasEvenQuotes(text: string, quote: string | false): boolean {
  let count = 0;
  for (let at = text.indexOf(quote as string); at >= 0; at = text.indexOf(quote as string, at + 1)) count++;
  return count % 2 === 0;
}

/** The fields of the one record in a text. @throws {Error} whose message is what is wrong. */
export function csvFields(text: string, dialect: CsvDialect): readonly string[] {
  const fields = parseCsv(text, dialect, 1);
  if (typeof fields === 'string') throw new Error(fields);
  return fields[0] ?? [];
}

/** The fields of exactly `count` records, or what is wrong. */
function parseCsv(text: string, dialect: CsvDialect, count: number): string[][] | string {
  const { parse, CsvError } = csvParser();
  try {
    const records = parse(text, {
      delimiter: dialect.delimiter,
      quote: dialect.quote,
      escape: dialect.quote,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
    });
    return records.length === count ? records : 'not one record';
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return PROBLEMS[codeOf(error)] ?? 'not a CSV record';
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quoted field is not closed',
  INVALID_OPENING_QUOTE: 'a quote inside a field that does not begin with one',
  CSV_INVALID_CLOSING_QUOTE: 'text between a closing quote and the end of its field',
};
