/**
 * The "language model": it answers the JSON schema that it is given, and its answers depend on the seed and the text alone.
 *
 * The last user message holds a JSON array of items with `id` and `text`. Where the schema wants an array of objects with an
 * `id`, each item gets an answer with its id. A choice (`enum`) is the first value that the text contains, else a random one.
 */
import { hash } from './random.mjs';

/**
 * @typedef {{ id: string, text: string }} Item
 * @typedef {{ [key: string]: unknown, type?: string, enum?: unknown[], properties?: Record<string, Schema>, items?: Schema }} Schema
 */

/** Texts with this are never answered: such a row's id is left out of every answer. */
export const UNANSWERABLE = '[[unanswerable]]';

/**
 * The items of the last user message; a message that holds no array is one item.
 * @param {readonly { role: string, content: unknown }[]} messages
 * @returns {Item[]}
 */
export function itemsIn(messages) {
  const text = textOf(messages.filter(({ role }) => role === 'user').at(-1)?.content);
  try {
    const items = JSON.parse(text.slice(text.indexOf('['), text.lastIndexOf(']') + 1));
    if (Array.isArray(items) && items.every((item) => typeof item?.id === 'string')) return items;
  } catch {
    // One item.
  }
  return [{ id: '', text }];
}

/** @param {unknown} content a string, or parts with a text each. @returns {string} */
export function textOf(content) {
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? content.map((part) => part.text ?? '').join('') : '';
}

/**
 * @param {Schema | undefined} schema
 * @param {readonly Item[]} items
 * @param {string | undefined} fault
 * @param {number} seed
 * @returns {string} the content of the answer.
 */
export function contentFor(schema, items, fault, seed) {
  if (schema === undefined) return 'ok';
  const answered = items.filter(({ text }) => !text.includes(UNANSWERABLE));
  const spoiled = answered[hash(seed, JSON.stringify(items)) % Math.max(1, answered.length)];
  const whole = Object.fromEntries(
    Object.entries(schema.properties ?? {}).map(([name, inner]) => [
      name,
      inner.items?.properties?.id === undefined
        ? valueFor(inner, items[0]?.text ?? '', name, seed)
        : spoil(
            answered.map((item) => answerTo(/** @type {Schema} */ (inner.items), item, seed)),
            spoiled,
            fault,
          ),
    ]),
  );
  const text = JSON.stringify(whole);
  return fault === 'half-json' || fault === 'length' ? text.slice(0, text.length / 2) : text;
}

/** @param {Schema} schema @param {Item} item @param {number} seed */
const answerTo = (schema, { id, text }, seed) => ({
  .../** @type {Record<string, unknown>} */ (valueFor(schema, text, '', seed)),
  id,
});

/**
 * @param {{ [key: string]: unknown, id: string }[]} answers
 * @param {Item | undefined} item the one whose answer is spoiled.
 * @param {string | undefined} fault
 */
function spoil(answers, item, fault) {
  const at = answers.findIndex(({ id }) => id === item?.id);
  const answer = answers[at];
  if (fault === 'reversed') return answers.toReversed();
  if (answer === undefined) return answers;
  if (fault === 'missing-id') return answers.toSpliced(at, 1);
  if (fault === 'doubled-id') return answers.toSpliced(at, 0, answer);
  if (fault === 'foreign-id') return answers.with(at, { ...answer, id: `x${answer.id}` });
  if (fault === 'not-fitting') return answers.with(at, { id: answer.id });
  return answers;
}

/**
 * @param {Schema} schema
 * @param {string} text
 * @param {string} name of the property
 * @param {number} seed
 * @returns {unknown}
 */
function valueFor(schema, text, name, seed) {
  const random = hash(seed, name, text);
  const inner = /** @type {Schema[] | undefined} */ (schema.anyOf ?? schema.oneOf)?.[0];
  if (inner !== undefined) return valueFor(inner, text, name, seed);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) {
    const found = schema.enum.find((value) => text.toLowerCase().includes(String(value).toLowerCase()));
    return found ?? schema.enum[random % schema.enum.length];
  }
  if (schema.properties !== undefined)
    return Object.fromEntries(
      Object.entries(schema.properties).map(([key, property]) => [
        key,
        valueFor(property, text, `${name}.${key}`, seed),
      ]),
    );
  if (schema.type === 'boolean') return random % 2 === 1;
  if (schema.type === 'integer' || schema.type === 'number') {
    const low = Number(schema.minimum ?? 0);
    return low + (random % (Math.max(0, Number(schema.maximum ?? low + 99) - low) + 1));
  }
  if (schema.type === 'array') return [];
  return `answer ${random.toString(36)}`;
}
