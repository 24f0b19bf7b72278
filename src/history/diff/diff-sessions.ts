/** Compares the outputs of two sessions; formats the result as text. */
import type { CheckpointMark } from '../../../machines/context.js';
import type { Checkpoint } from '../../checkpoint/envelope.js';
import { InvalidOptionError } from '../../errors.js';
import { isObject } from '../../formats/json.js';
import type { FileSystem } from '../../platform/file-system.js';
import { diffRows, type RowDiff, type RowDifference } from './row-diff.js';
import { headerText, rowTexts, type SessionOutput, sessionOutput } from './session-output.js';
import { writtenPosition } from './written-file.js';

/** The difference of two outputs. */
export interface OutputDiff extends RowDiff {
  /** Two different CSV headers; '' for a file without one. */
  readonly header?: { readonly before: string; readonly after: string };
}

export interface OutputDiffOptions {
  /** Field that identifies a row in both outputs. Default: the whole row. For JSON Lines. */
  readonly key?: string | undefined;
  /** Differences to keep. Default 10. */
  readonly examples?: number | undefined;
  /** Bytes and rows at the beginning that are known to be equal. */
  readonly common?: { readonly bytes: number; readonly rows: number } | undefined;
}

type Output = Omit<SessionOutput, 'mark'>;

export async function diffOutputs(
  fileSystem: FileSystem,
  before: Output,
  after: Output,
  { key, examples, common = { bytes: 0, rows: 0 } }: OutputDiffOptions = {},
): Promise<OutputDiff> {
  await assertKeyed(fileSystem, key, before);
  assertJsonLines(key, after);
  const found = await diffRows(
    rowTexts(fileSystem, before, common.bytes),
    rowTexts(fileSystem, after, common.bytes),
    { examples, key: key === undefined ? undefined : keyOf(key), offset: common.rows },
  );
  const [a = '', b = ''] = [await headerText(fileSystem, before), await headerText(fileSystem, after)];
  return {
    ...found,
    same: found.same + common.rows,
    ...(a === b ? {} : { header: { before: a, after: b } }),
  };
}

/** If none of the first rows has the key, it is refused. */
const LOOKED_AT = 1000;

/** @throws {InvalidOptionError} for a key of other outputs than JSON Lines, or of no row. */
export async function assertKeyed(
  fileSystem: FileSystem,
  key: string | undefined,
  output: Output,
): Promise<void> {
  if (key === undefined) return;
  assertJsonLines(key, output);
  let rows = 0;
  for await (const text of rowTexts(fileSystem, output)) {
    if (fieldOf(text, key) !== undefined) return;
    if (++rows === LOOKED_AT) break;
  }
  if (rows > 0)
    throw new InvalidOptionError(
      `None of the first ${rows} rows in ${output.path} has the field "${key}". Choose another key, or none.`,
    );
}

function assertJsonLines(key: string | undefined, { sink }: Output): void {
  if (key !== undefined && sink.kind !== 'jsonl')
    throw new InvalidOptionError('A key is a field of JSON Lines; rows of other outputs are compared whole.');
}

/** Compares a fork's output so far with the output of the forked session.
 * @param ended the fork's checkpoint. */
export async function diffFork(
  fileSystem: FileSystem,
  { forked, mark }: { readonly forked: SessionOutput; readonly mark: CheckpointMark },
  ended: Checkpoint,
  options: Omit<OutputDiffOptions, 'common'>,
): Promise<OutputDiff> {
  const common = { bytes: writtenPosition(mark.sink).bytes, rows: mark.rowsOut };
  return diffOutputs(fileSystem, forked, await sessionOutput(fileSystem, ended), { ...options, common });
}

export function isSameOutput({ changed, added, disappeared, header }: OutputDiff): boolean {
  return changed + added + disappeared === 0 && header === undefined;
}

/** Rows without the field are identified by their text. */
function keyOf(field: string): (text: string) => string {
  return (text) => {
    const value = fieldOf(text, field);
    return value === undefined ? text : JSON.stringify(value);
  };
}

function fieldOf(text: string, field: string): unknown {
  try {
    const row = JSON.parse(text) as unknown;
    return isObject(row) && Object.hasOwn(row, field) ? row[field] : undefined;
  } catch {
    return undefined;
  }
}

/** A difference as lines for display. */
export function diffText(diff: OutputDiff): string {
  const { same, changed, added, disappeared, header, first } = diff;
  const counts = `${same} rows the same, ${changed} changed, ${added} added, ${disappeared} disappeared`;
  const more = changed + added + disappeared - first.length;
  return [
    isSameOutput(diff) ? `The same: ${same} rows.` : `${counts}.`,
    ...(header === undefined ? [] : ['another header', ...beside(header.before, header.after)]),
    ...first.flatMap(lines),
    ...(more > 0 ? [`and ${more} more`] : []),
  ].join('\n');
}

const MAX_TEXT = 160;

function lines({ kind, row, newRow, before, after }: RowDifference): string[] {
  const at = `row ${row ?? newRow}${row !== undefined && newRow !== undefined && row !== newRow ? `, now ${newRow}` : ''}`;
  return [`${kind} (${at})`, ...beside(before, after)];
}

function beside(before: string | undefined, after: string | undefined): string[] {
  return [
    ...(before === undefined ? [] : [`  - ${shortened(before)}`]),
    ...(after === undefined ? [] : [`  + ${shortened(after)}`]),
  ];
}

const shortened = (text: string) =>
  (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text).replace(/\p{Cc}+/gu, ' ');
