/** The outputs of two sessions, compared; and the comparison as text. */
import { InvalidOptionError } from '../../errors.js';
import type { FileSystem } from '../../file-system.js';
import { diffRows, type RowDiff, type RowDifference } from './row-diff.js';
import { rowTexts, type SessionOutput } from './session-output.js';

export interface OutputDiffOptions {
  /** Field whose value makes a row the same row in both outputs. Default: the whole row. For JSON Lines. */
  readonly key?: string | undefined;
  /** Differences that are kept. Default 10. */
  readonly examples?: number | undefined;
  /** Both begin with so many bytes, and rows, that are the same. */
  readonly common?: { readonly bytes: number; readonly rows: number } | undefined;
}

export async function diffOutputs(
  fileSystem: FileSystem,
  before: Omit<SessionOutput, 'mark'>,
  after: Omit<SessionOutput, 'mark'>,
  { key, examples, common = { bytes: 0, rows: 0 } }: OutputDiffOptions = {},
): Promise<RowDiff> {
  if (key !== undefined && (before.sink.kind !== 'jsonl' || after.sink.kind !== 'jsonl'))
    throw new InvalidOptionError('A key is a field of JSON Lines; rows of other outputs are compared whole.');
  const found = await diffRows(
    rowTexts(fileSystem, before, common.bytes),
    rowTexts(fileSystem, after, common.bytes),
    { examples, key: key === undefined ? undefined : keyOf(key), offset: common.rows },
  );
  return { ...found, same: found.same + common.rows };
}

/** Rows without it are told apart by their text. */
function keyOf(field: string): (text: string) => string {
  return (text) => {
    try {
      const value = (JSON.parse(text) as Record<string, unknown> | null)?.[field];
      return value === undefined ? text : JSON.stringify(value);
    } catch {
      return text;
    }
  };
}

/** Some lines for a person. */
export function diffText({ same, changed, added, disappeared, first }: RowDiff): string {
  const counts = `${same} rows the same, ${changed} changed, ${added} added, ${disappeared} disappeared`;
  const more = changed + added + disappeared - first.length;
  return [
    changed + added + disappeared === 0 ? `The same: ${same} rows.` : `${counts}.`,
    ...first.flatMap(lines),
    ...(more > 0 ? [`and ${more} more`] : []),
  ].join('\n');
}

const MAX_TEXT = 160;

function lines({ kind, row, newRow, before, after }: RowDifference): string[] {
  const at = `row ${row ?? newRow}${row !== undefined && newRow !== undefined && row !== newRow ? `, now ${newRow}` : ''}`;
  return [
    `${kind} (${at})`,
    ...(before === undefined ? [] : [`  - ${shortened(before)}`]),
    ...(after === undefined ? [] : [`  + ${shortened(after)}`]),
  ];
}

const shortened = (text: string) =>
  (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text).replace(/\p{Cc}+/gu, ' ');
