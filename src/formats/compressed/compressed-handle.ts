/**
 * A compressed file as if it were its contents: bytes are read at positions of the uncompressed text.
 *
 * 1. Reading forward decompresses once, in constant memory. Reading backward begins again at the last known member before it.
 * 2. A file may have many members (frames, in zstd): `memberBefore` says where one begins, so that a reopened file is decompressed
 *    from there. A file of one member is decompressed from its beginning.
 * 3. Every member that is read is checked. A file that is cut off is an error, never its end.
 */
import type { FileHandle, FileStat } from '../../platform/file-system.js';
import type { Compression, Member } from './member.js';

/** Where a member begins: its offset in the file, and in the contents. */
export type MemberPlace = readonly [compressed: number, bytes: number];

/** Beginnings of members that are remembered. */
const MAX_MEMBERS = 1024;

export class CompressedHandle implements FileHandle {
  readonly #members: MemberPlace[] = [[0, 0]];
  #member: Member | undefined;
  /** Contents of the member so far. */
  #bytes = 0;
  /** Where the next member begins. */
  #next: MemberPlace = [0, 0];
  #chunk: Buffer = Buffer.alloc(0);
  /** Offset of `#chunk` in the contents. */
  #chunkAt = 0;
  #lane: Promise<unknown> = Promise.resolve();
  readonly #tracked: Pick<FileHandle, 'read'>;
  /** Compressed bytes before the last one that was read. */
  bytesRead = 0;

  /** @param file the compressed file */
  constructor(
    readonly file: FileHandle,
    private readonly compression: Compression,
  ) {
    this.#tracked = {
      read: async (buffer, length, position) => {
        const count = await file.read(buffer, length, position);
        if (count > 0) this.bytesRead = Math.max(this.bytesRead, position + count);
        return count;
      },
    };
  }

  /** The last known member that begins at `bytes` of the contents, or before. */
  memberBefore(bytes: number): MemberPlace {
    return this.#members.findLast((member) => member[1] <= bytes) as MemberPlace;
  }

  /** Makes a member known, from an earlier opening. */
  addMember(member: MemberPlace): void {
    if (this.#members.some(([compressed]) => compressed === member[0])) return;
    if (this.#members.length >= MAX_MEMBERS) {
      // Every other one stays: a later beginning is found by decompressing from the one before it.
      const kept = this.#members.filter((_, i) => i % 2 === 0);
      this.#members.splice(0, this.#members.length, ...kept);
    }
    this.#members.push(member);
    this.#members.sort((a, b) => a[0] - b[0]);
  }

  read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    const reading = this.#lane.then(() => this.#readAt(buffer, length, position));
    this.#lane = reading.catch(() => {});
    return reading;
  }

  async #readAt(buffer: Uint8Array, length: number, position: number): Promise<number> {
    const member = this.memberBefore(position);
    const isAhead = member[1] > Math.max(this.#next[1], this.#chunkAt + this.#chunk.length);
    if (position < this.#chunkAt || isAhead) this.#restart(member);
    while (position >= this.#chunkAt + this.#chunk.length) {
      const chunk = await this.#readMore();
      if (chunk === undefined) return 0;
      this.#chunkAt += this.#chunk.length;
      this.#chunk = chunk;
    }
    const from = position - this.#chunkAt;
    return this.#chunk.copy(buffer, 0, from, Math.min(this.#chunk.length, from + length));
  }

  #restart(member: MemberPlace): void {
    this.#member?.destroy();
    this.#member = undefined;
    this.#next = member;
    this.#chunk = Buffer.alloc(0);
    this.#chunkAt = member[1];
  }

  /** The next bytes of the contents; undefined: the end. */
  async #readMore(): Promise<Buffer | undefined> {
    for (;;) {
      if (this.#member === undefined) {
        this.#member = await this.compression.open(this.#tracked, this.#next[0]);
        this.#bytes = 0;
      }
      if (this.#member === undefined) return undefined;
      const chunk = await this.#member.next();
      if (chunk !== undefined) {
        this.#bytes += chunk.length;
        return chunk;
      }
      this.#next = [this.#member.end, this.#next[1] + this.#bytes];
      this.#member = undefined;
      this.addMember(this.#next);
    }
  }

  stat(): Promise<FileStat> {
    return this.file.stat();
  }

  async close(): Promise<void> {
    await this.#lane;
    this.#member?.destroy();
    await this.file.close();
  }

  write(): Promise<never> {
    return refuseWrite();
  }

  sync(): Promise<never> {
    return refuseWrite();
  }

  datasync(): Promise<never> {
    return refuseWrite();
  }

  truncate(): Promise<never> {
    return refuseWrite();
  }
}

async function refuseWrite(): Promise<never> {
  throw Object.assign(new Error('A compressed file is read only.'), { code: 'EBADF' });
}
