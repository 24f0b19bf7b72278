/**
 * The log of one keyed stage: what each commit has changed, and now and then everything.
 *
 *     "AT"<tab>{"orders":2}      a key and its state, as JSON; of `distinct`, the key alone
 *     #5f3a09c1                  ends a group: the checksum of the group and of the checksum before it
 *
 * 1. The last entry of a key counts. Entries stand in the order of the keys' first rows.
 * 2. A log that holds more than twice as many entries as there are keys is followed by a new one, which begins with all keys. The
 *    old one stays until no stored checkpoint refers to it (I9).
 * 3. The reference that a checkpoint carries has the same few bytes for any number of keys (I3).
 */
import { platform } from '#platform';
import type { StateReference } from '../../../../machines/context.js';
import type { StateLogs } from '../../../checkpoint/state-logs/state-logs.js';
import { CorruptStateError } from '../../../errors.js';
import { utf8Bytes } from '../../../formats/text-bytes.js';
import type { States } from './keyed-state.js';
import { heldKeyOf, jsonOfKey } from './keys.js';

/** Entries of a group: between two groups, other work has its turn. */
const GROUP = 4096;
/** Entries beyond twice the number of keys, after which a new log begins. */
const SPARE = 10_000;

export class StateLog {
  #bytes = 0;
  #checksum = '';
  #entries = 0;
  #number = 1;

  /** @param name of all logs of the stage, without their numbers. */
  constructor(
    private readonly logs: StateLogs,
    private readonly name: string,
  ) {}

  /** Reads a log into `states`, which is empty.
   * @throws {CorruptStateError} if it is not what the reference is about. */
  async load({ log, bytes, checksum }: StateReference, states: States): Promise<void> {
    const [prefix, number] = log.split('-');
    if (prefix !== this.name) throw new CorruptStateError(log, 'it is of another stage');
    this.#number = Number(number);
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let rest = '';
    let group: string[] = [];
    // A fork from the beginning has no log yet.
    for await (const piece of bytes === 0 ? [] : this.logs.read(log, bytes)) {
      const lines = (rest + decodeText(decoder, piece, log)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (!line.startsWith('#')) {
          group.push(line);
          continue;
        }
        this.#endGroup(group);
        if (line !== `#${this.#checksum}`) throw new CorruptStateError(log, 'its checksum is wrong');
        for (const entry of group) addEntry(states, entry);
        group = [];
      }
    }
    if (rest !== '' || group.length > 0 || this.#checksum !== checksum)
      throw new CorruptStateError(log, 'it does not end where the checkpoint says');
    this.#bytes = bytes;
  }

  /** Makes a commit durable.
   * @param changes that it makes. @param states after it, all of them. */
  async save(changes: States, states: States): Promise<Omit<StateReference, 'stage'>> {
    const isFull = this.#entries + changes.size > 2 * states.size + SPARE;
    if (isFull) this.#beginNext();
    const written = isFull ? states : changes;
    if (written.size > 0 || this.#bytes === 0) await this.#append(written);
    return this.reference;
  }

  get reference(): Omit<StateReference, 'stage'> {
    return { log: `${this.name}-${this.#number}`, bytes: this.#bytes, checksum: this.#checksum };
  }

  #beginNext(): void {
    this.#number++;
    this.#bytes = 0;
    this.#checksum = '';
    this.#entries = 0;
  }

  async #append(states: States): Promise<void> {
    const pieces: Uint8Array[] = [];
    let group: string[] = [];
    for (const [key, state] of states) {
      group.push(state === '' ? jsonOfKey(key) : `${jsonOfKey(key)}\t${state}`);
      if (group.length < GROUP) continue;
      pieces.push(this.#encodeGroup(group));
      group = [];
      await new Promise<void>((resolve) => platform.soon(resolve));
    }
    if (group.length > 0 || pieces.length === 0) pieces.push(this.#encodeGroup(group));
    await this.logs.append(`${this.name}-${this.#number}`, this.#bytes, pieces);
    for (const piece of pieces) this.#bytes += piece.length;
  }

  #encodeGroup(entries: readonly string[]): Uint8Array {
    this.#endGroup(entries);
    return utf8Bytes([...entries, `#${this.#checksum}`, ''].join('\n'));
  }

  #endGroup(entries: readonly string[]): void {
    this.#checksum = platform.checksum(this.#checksum + entries.join('\n'));
    this.#entries += entries.length;
  }
}

function decodeText(decoder: TextDecoder, piece: Uint8Array, log: string): string {
  try {
    return decoder.decode(piece, { stream: true });
  } catch (cause) {
    throw new CorruptStateError(log, 'it is not text', { cause });
  }
}

function addEntry(states: States, entry: string): void {
  const tab = entry.indexOf('\t');
  if (tab < 0) states.set(heldKeyOf(entry), '');
  else states.set(heldKeyOf(entry.slice(0, tab)), entry.slice(tab + 1));
}
