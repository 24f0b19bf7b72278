/** Requests of the page, checked field by field (protocol.ts). Pure. */
import { isUtf8 } from 'node:buffer';
import { MAX_RECORDS, type Request, type RequestError, SESSION_COMMANDS } from '../protocol.js';

export class Refusal extends Error {
  constructor(
    readonly code: RequestError['code'],
    message: string,
    /** Id of the request, if readable. */
    readonly id: number | null = null,
  ) {
    super(message);
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** @throws {Refusal} */
export function parseRequest(data: Buffer, isBinary: boolean): Request {
  if (isBinary || !isUtf8(data)) throw new Refusal('MALFORMED', 'A request must be JSON text.');
  let fields: unknown;
  try {
    fields = JSON.parse(data.toString('utf8'));
  } catch {
    throw new Refusal('MALFORMED', 'The request is not JSON.');
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    throw new Refusal('MALFORMED', 'A request must be a JSON object.');
  const { id } = fields as Fields;
  if (!isIndex(id)) throw new Refusal('MALFORMED', 'A request needs an id, a whole number from 0.');
  return requestOf(id, fields as Fields);
}

function requestOf(id: number, fields: Fields): Request {
  const { type, session, index, at, from, to, count, filter, command, token, protocol } = fields;
  const need = (isRight: boolean, what: string) => {
    if (!isRight) throw new Refusal('MALFORMED', `${String(type)} needs ${what}.`, id);
  };
  const named = () => {
    need(typeof session === 'string' && /^[\w-]{1,128}$/.test(session), 'the id of a session');
    return { id, session: session as string };
  };
  switch (type) {
    case 'hello':
      need(typeof token === 'string' && isIndex(protocol), 'a token and a protocol');
      return { id, type, token: token as string, protocol: protocol as number };
    case 'sessions':
      return { id, type };
    case 'open':
    case 'summary':
    case 'checkpoint':
      return { ...named(), type };
    case 'frame':
    case 'figures':
      need(isIndex(index), 'an index');
      return { ...named(), type, index: index as number };
    case 'lives':
      need(isIndex(from) && isIndex(to) && from <= to, 'from and to, in order');
      return { ...named(), type, from: from as number, to: to as number };
    case 'indexAtTime':
      need(typeof at === 'number', 'a time');
      return { ...named(), type, at: at as number };
    case 'find':
      need(isIndex(from) && isIndex(count) && count <= MAX_RECORDS, `from, and a count up to ${MAX_RECORDS}`);
      need(isFilter(filter), 'a filter of types, actor and text');
      return { ...named(), type, from: from as number, count: count as number, filter: filter as object };
    case 'command':
      need(
        (SESSION_COMMANDS as readonly unknown[]).includes(command),
        `one of ${SESSION_COMMANDS.join(', ')}`,
      );
      return { ...named(), type, command: command as (typeof SESSION_COMMANDS)[number] };
    default:
      throw new Refusal('UNKNOWN_REQUEST', 'Unknown request type.', id);
  }
}

const isIndex = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function isFilter(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { types = [], actor = '', stage = '', text = '', to = 0, ...rest } = value as Fields;
  const isText = (value: unknown) => typeof value === 'string' && value.length <= 200;
  return (
    Object.keys(rest).length === 0 &&
    Array.isArray(types) &&
    types.length <= 20 &&
    types.every(isText) &&
    isIndex(to) &&
    isText(actor) &&
    isText(stage) &&
    isText(text)
  );
}
