/**
 * The paths of an output that is split: a template such as `out/{key}/part-{n}.jsonl`, and what keys become in it.
 *
 * 1. No key leaves the folder of the template: a key is one name, or a part of one. Separators, control characters, leading dots and what
 *    Windows forbids are percent-encoded; a long key is cut and gets a hash.
 * 2. Two keys never share a file, also where the file system takes no notice of case or of Unicode forms: the second one gets a hash.
 * 3. The same rows give the same paths: keys are given theirs in the order of their first rows.
 */
import { join, sep } from 'node:path';
import { sha256 } from '#sha256';
import { InvalidOptionError } from '../../errors.js';
import { absolutePath } from '../../platform/file-problems.js';

/** Of a key in a path. A name has at most 255 bytes on most file systems. */
const MAX_KEY_LENGTH = 120;
/** Digits of `{n}`, so that the order of names is the order of rows. */
const DIGITS = 5;

/** Where the files of an output go. */
export interface SplitPaths {
  /** Absolute, with its placeholders. */
  readonly template: string;
  /** What the list of files is called; it is published last, and so tells what belongs to the output. */
  readonly list: string;
}

/** @param given the path. @throws {InvalidOptionError} if the placeholders are not those that the options need. */
export function splitPaths(given: string | URL, isKeyed: boolean, isSized: boolean): SplitPaths {
  const template = absolutePath(given, 'jsonl');
  const has = (name: string) => template.includes(`{${name}}`);
  const problem =
    isKeyed !== has('key')
      ? 'The option key and {key} in the path belong together'
      : isSized !== has('n')
        ? 'The option maxBytes and {n} in the path belong together'
        : /\{key\}\d*\{n\}|\{n\}\d*\{key\}/.test(template)
          ? 'Separate {key} and {n} by text that is not a number'
          : undefined;
  if (problem !== undefined)
    throw new InvalidOptionError(`jsonl(${JSON.stringify(String(given))}): ${problem}.`);
  const fixed = template.slice(0, template.search(/\{(key|n)\}/));
  const list = fixed.endsWith(sep)
    ? join(fixed, '_files.json')
    : `${fixed.replace(/[-_.]+$/, '')}.files.json`;
  return { template, list };
}

/** Gives each key its name. */
export class SplitNames {
  readonly #names = new Map<string, string>();
  /** Names that are taken, without case. */
  readonly #taken = new Set<string>();

  constructor(private readonly paths: SplitPaths) {}

  /** @param number of the file, from 0, among those of the key. */
  pathOf(key: string, number: number): string {
    let name = this.#names.get(key);
    if (name === undefined) {
      name = nameOf(key);
      const isTaken =
        this.#taken.has(folded(name)) || folded(this.#fill(name, 0)) === folded(this.paths.list);
      if (isTaken) name = `${name}~${hashOf(key)}`;
      this.#names.set(key, name);
      this.#taken.add(folded(name));
    }
    return this.#fill(name, number);
  }

  #fill(name: string, number: number): string {
    const digits = String(number).padStart(DIGITS, '0');
    return this.paths.template.replaceAll('{key}', () => name).replaceAll('{n}', digits);
  }
}

/** Whether a path may be one of the output's files. */
export function matchesTemplate({ template, list }: SplitPaths, path: string): boolean {
  const pattern = template
    .split(/(\{key\}|\{n\})/)
    .map((part) =>
      part === '{key}' ? '[^/\\\\]+' : part === '{n}' ? '\\d+' : part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'),
    )
    .join('');
  return path === list || new RegExp(`^${pattern}$`, 'iu').test(path);
}

const folded = (path: string): string => path.normalize('NFC').toLowerCase();
const hashOf = (key: string): string => sha256(JSON.stringify(key)).slice(0, 16);

/** Names that Windows keeps for devices. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const FORBIDDEN = /[\u0000-\u001f\u007f"*/:<>?\\|%~]|^[. ]|[. ]$|\p{Surrogate}/gu;

/** A key as a name: itself, where it is harmless. */
function nameOf(key: string): string {
  if (key === '') return '_';
  const name = key.normalize('NFC').replace(FORBIDDEN, encode);
  const safe = DEVICE.test(name) ? `%${name.charCodeAt(0).toString(16)}${name.slice(1)}` : name;
  if (Buffer.byteLength(safe) <= MAX_KEY_LENGTH) return safe;
  let cut = '';
  for (const character of safe) {
    if (Buffer.byteLength(cut + character) > MAX_KEY_LENGTH) break;
    cut += character;
  }
  return `${cut.replace(/%[0-9A-F]?$/, '').replace(/[. ]+$/, '')}~${hashOf(key)}`;
}

/** Percent-encoded UTF-8; of half a surrogate pair, its number. */
function encode(character: string): string {
  const isHalf = /\p{Surrogate}/u.test(character);
  const hex = isHalf ? character.charCodeAt(0).toString(16) : Buffer.from(character).toString('hex');
  return hex.toUpperCase().replace(/../g, '%$&');
}
