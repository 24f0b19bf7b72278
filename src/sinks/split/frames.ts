/**
 * The working file of an output that is split: frames, in the order of the rows. A frame is one line, `[key,bytes]`, and the JSON Lines of rows
 * with that key.
 *
 * One file for all keys: a commit is one fsync, and a position has the same size for any number of keys.
 */
import { SinkError } from '../../errors.js';
import { LF } from '../../formats/record-scanner.js';

const READ_BYTES = 1024 * 1024;
const EMPTY = new Uint8Array(0);

/** Rows of one key. */
export interface Frame {
  readonly key: string;
  /** Whole lines. */
  readonly lines: Uint8Array;
}

/** A frame for each key, in the order of their first rows. @param lines the row's line each, in pieces. @param keys of the lines. */
export function encodeFrames(pieces: readonly Uint8Array[], keys: readonly string[]): Uint8Array[] {
  const byKey = new Map<string, Uint8Array[]>();
  let row = 0;
  for (const piece of pieces) {
    for (let from = 0; from < piece.length; ) {
      const end = piece.indexOf(LF, from) + 1;
      const key = keys[row++] as string;
      const lines = byKey.get(key);
      if (lines === undefined) byKey.set(key, [piece.subarray(from, end)]);
      else lines.push(piece.subarray(from, end));
      from = end;
    }
  }
  return [...byKey].flatMap(([key, lines]) => frameOf(key, lines));
}

/** One frame. */
export function frameOf(key: string, lines: readonly Uint8Array[]): Uint8Array[] {
  const bytes = lines.reduce((sum, { length }) => sum + length, 0);
  return bytes === 0 ? [] : [Buffer.from(`${JSON.stringify([key, bytes])}\n`), ...lines];
}

/** Reads the frames before `end` in order, in constant memory: a long frame comes in pieces that end at line ends.
 * @throws {SinkError} if the file is damaged. */
export async function* readFrames(
  path: string,
  end: number,
  read: (from: number, length: number) => Promise<Uint8Array>,
): AsyncGenerator<Frame> {
  const damaged = () => new SinkError(`${path} is damaged before byte ${at}. Run again.`);
  let at = 0;
  let buffer: Uint8Array = EMPTY;
  const more = async (): Promise<void> => {
    const piece = await read(at, Math.min(READ_BYTES, end - at));
    if (piece.length === 0) throw damaged();
    at += piece.length;
    buffer = buffer.length === 0 ? piece : Buffer.concat([buffer, piece]);
  };
  while (at < end || buffer.length > 0) {
    let headerEnd = buffer.indexOf(LF);
    while (headerEnd < 0) {
      await more();
      headerEnd = buffer.indexOf(LF);
    }
    const header = parsed(buffer.subarray(0, headerEnd));
    if (header === undefined) throw damaged();
    const { key } = header;
    buffer = buffer.subarray(headerEnd + 1);
    for (let rest = header.bytes; rest > 0; ) {
      const available = buffer.subarray(0, rest);
      const length = available.length === rest ? rest : available.lastIndexOf(LF) + 1;
      if (length === 0) {
        await more();
        continue;
      }
      yield { key, lines: buffer.subarray(0, length) };
      buffer = buffer.subarray(length);
      rest -= length;
    }
  }
}

function parsed(header: Uint8Array): { readonly key: string; readonly bytes: number } | undefined {
  try {
    const [key, bytes] = JSON.parse(new TextDecoder().decode(header)) as unknown[];
    const isSound = typeof key === 'string' && Number.isSafeInteger(bytes) && (bytes as number) > 0;
    return isSound ? { key, bytes: bytes as number } : undefined;
  } catch {
    return undefined;
  }
}
