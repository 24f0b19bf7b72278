/** Kinds of objects by their tag, not by their class: an object of Node may come from another realm, where `instanceof` is false. */

const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

export const isUrl = (value: unknown): value is URL => tagOf(value) === 'URL';
export const isBytes = (value: unknown): value is Uint8Array => tagOf(value) === 'Uint8Array';
export const isDate = (value: unknown): value is Date => tagOf(value) === 'Date';
