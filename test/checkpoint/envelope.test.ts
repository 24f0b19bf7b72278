/**
 * The envelope of a checkpoint. Pins I3 (at most 64 KB) and I9:
 *
 * 1. What was encoded is decoded to an equal checkpoint.
 * 2. Anything else is either equal too or refused with a reason from a known list; never another checkpoint, never
 *    another error, never a prototype reached.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../../src/checkpoint/envelope.js';
import { CheckpointWriteError, CorruptCheckpointError } from '../../src/errors.js';
import { canonicalJson, type Json, type JsonObject } from '../../src/formats/json.js';
import { aCheckpoint } from '../support/checkpoints.js';

const SESSION = aCheckpoint().sessionId;

/** Every reason there is: a user meets one of these, and nothing else. */
const REASONS = [
  /^larger than 65536 bytes$/,
  /^longer than 65536 characters$/,
  /^nested deeper than 32$/,
  /^not JSON$/,
  /^a key that would reach a prototype$/,
  /^not an object$/,
  /^no known format$/,
  /^written by a newer release \(format \d+, this one reads up to 2\)$/,
  /^the checksum does not match$/,
  /^it belongs to another session$/,
  /^[a-zA-Z.]+ is missing$/,
  /^[a-zA-Z.]+ must be (an object|a (text|whole number|number) (of|from) [a-z0-9 ]+|'[A-Z]+', .* or 'FAILED')(, or null)?; got (null|NaN|zero|(an?|true or) [a-z ]+)$/,
  /^(it|settings|error) has an unknown field$/,
];

/** The reason for which a text is refused; undefined: it is a checkpoint. */
function refusal(text: string, sessionId = SESSION): string | undefined {
  try {
    decodeCheckpoint(text, sessionId);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptCheckpointError);
    const { reasons } = error as CorruptCheckpointError;
    expect(reasons).toHaveLength(1);
    return reasons[0];
  }
}

/** As `encodeCheckpoint` would seal it, so that a mutation is met by the checks behind the checksum. */
async function sealed(body: Json): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(canonicalJson(body)));
  return JSON.stringify({ ...(body as JsonObject), checksum: Buffer.from(digest).toString('hex') });
}

const body = (checkpoint: Checkpoint): Record<string, Json> => {
  const { checksum: _, ...rest } = JSON.parse(encodeCheckpoint(checkpoint)) as Record<string, Json>;
  return rest;
};

describe('a checkpoint', () => {
  test.each([
    ['with everything', aCheckpoint()],
    [
      'with the least',
      aCheckpoint({ source: null, sink: null, fingerprint: null, sourceIdentity: null, snapshot: null }),
    ],
    [
      'with a lone surrogate, an emoji and a line separator',
      aCheckpoint({ pipeline: '\ud800 \u{1F600} \u2028' }),
    ],
  ])('%s comes back equal', (_, checkpoint) => {
    expect(decodeCheckpoint(encodeCheckpoint(checkpoint), SESSION)).toEqual(checkpoint);
  });

  test('without pipeline file and error has neither field afterwards', () => {
    const { pipelineFile: _, error: __, ...rest } = aCheckpoint();
    const decoded = decodeCheckpoint(encodeCheckpoint(rest), SESSION);
    expect(Object.keys(decoded)).not.toContain('pipelineFile');
    expect(Object.keys(decoded)).not.toContain('error');
  });

  test('with the message of an error that is too long keeps its beginning', () => {
    const error = { name: 'Error', code: 'Error', message: 'x'.repeat(5000) };
    const decoded = decodeCheckpoint(encodeCheckpoint(aCheckpoint({ error })), SESSION);
    expect(decoded.error?.message).toBe(`${'x'.repeat(299)}…`);
  });

  test('has the same checksum for every order of its fields', () => {
    const reversed = Object.fromEntries(Object.entries(aCheckpoint()).reverse()) as unknown as Checkpoint;
    const checksum = (text: string) => (JSON.parse(text) as { checksum: string }).checksum;
    expect(checksum(encodeCheckpoint(reversed))).toBe(checksum(encodeCheckpoint(aCheckpoint())));
  });

  test('fits in 65,536 bytes to the byte, counted in UTF-8', () => {
    const room = 65_536 - Buffer.byteLength(encodeCheckpoint(aCheckpoint({ snapshot: '' })));
    expect(Buffer.byteLength(encodeCheckpoint(aCheckpoint({ snapshot: 'x'.repeat(room) })))).toBe(65_536);
    expect(() => encodeCheckpoint(aCheckpoint({ snapshot: 'x'.repeat(room + 1) }))).toThrow(
      CheckpointWriteError,
    );
    expect(() => encodeCheckpoint(aCheckpoint({ snapshot: 'é'.repeat(room >> 1) }))).not.toThrow();
    expect(() => encodeCheckpoint(aCheckpoint({ snapshot: 'é'.repeat((room >> 1) + 1) }))).toThrow(
      '65536 bytes',
    );
  });

  test.each([
    ['a snapshot that cannot be JSON', { snapshot: 1n as unknown as Json }],
    ['a snapshot that is not there', { snapshot: undefined as unknown as Json }],
    ['a batch size of NaN', { settings: { ...aCheckpoint().settings, batchSize: Number.NaN } }],
    ['a state that does not exist', { state: 'RUNNING' as 'PAUSED' }],
    ['a hostile key', { source: JSON.parse('{"__proto__":{"x":1}}') as JsonObject }],
  ])('with %s is refused before it is written', (_, fields) => {
    expect(() => encodeCheckpoint(aCheckpoint(fields))).toThrow(CheckpointWriteError);
  });
});

describe('a text that is refused', () => {
  const good = body(aCheckpoint());

  test.each([
    [
      'of another session',
      { ...good, sessionId: '7c9e6679-7425-40de-944b-e07fc1f90ae7' },
      'it belongs to another session',
    ],
    [
      'of a newer release',
      { ...good, format: 3 },
      'written by a newer release (format 3, this one reads up to 2)',
    ],
    ['of no format', { ...good, format: '1' }, 'no known format'],
    ['of format 0', { ...good, format: 0 }, 'no known format'],
    [
      'with a state of a prototype',
      { ...good, state: 'toString' },
      "state must be 'IDLE', 'INITIALIZING', 'EXECUTING', 'PAUSED', 'COMPLETED' or 'FAILED'; got a text",
    ],
    [
      'with a negative epoch',
      { ...good, epoch: -1 },
      'epoch must be a whole number from 0; got a negative number',
    ],
    [
      'with an epoch beyond exact numbers',
      { ...good, epoch: 2 ** 60 },
      'epoch must be a whole number from 0; got a number',
    ],
    [
      'with half a batch',
      { ...good, settings: { ...(good.settings as JsonObject), batchSize: 0.5 } },
      'settings.batchSize must be a whole number from 1; got a fraction',
    ],
    [
      'saved at no time',
      { ...good, savedAt: 'yesterday' },
      'savedAt must be a number from 0 to 8640000000000000; got a text',
    ],
    ['with a list for a source', { ...good, source: [] }, 'source must be an object; got an array'],
    ['with a field more', { ...good, admin: true }, 'it has an unknown field'],
    [
      'with a setting more',
      { ...good, settings: { ...(good.settings as JsonObject), x: 1 } },
      'settings has an unknown field',
    ],
    [
      'with an endless message',
      { ...good, error: { name: 'E', code: 'E', message: 'x'.repeat(301) } },
      'error.message must be a text of at most 300 characters; got a text',
    ],
  ])('one %s, though its checksum is right', async (_, mutated, reason) => {
    expect(refusal(await sealed(mutated))).toBe(reason);
  });

  test.each(Object.keys(good).filter((key) => !['pipelineFile', 'error', 'format'].includes(key)))(
    'one without %s',
    async (key) => {
      const { [key]: _, ...rest } = good;
      expect(refusal(await sealed(rest))).toBe(`${key} is missing`);
    },
  );

  test.each([
    'null',
    '0',
    'false',
    '""',
    '[]',
    '{}',
    '',
    '\0',
    'undefined',
    '{"format":1}',
    '{"checksum":null,"format":1}',
  ])('%j', (text) =>
    expect(refusal(text)).toSatisfy((reason: string) => REASONS.some((known) => known.test(reason))),
  );

  test('one that is too deep or too large, at once', () => {
    expect(refusal('['.repeat(60_000))).toBe('nested deeper than 32');
    expect(refusal(`{"format":1,"snapshot":${'['.repeat(40)}${']'.repeat(40)}}`)).toBe(
      'nested deeper than 32',
    );
    expect(refusal(' '.repeat(1_000_000))).toBe('larger than 65536 bytes');
    expect(refusal('é'.repeat(40_000))).toBe('larger than 65536 bytes');
  });

  test.each(['__proto__', 'constructor', 'prototype'])('one with the key %s, anywhere', (key) => {
    const text = encodeCheckpoint(aCheckpoint()).replace(
      '"context":{',
      `"context":{"${key}":{"isAdmin":true},`,
    );
    expect(refusal(text)).toBe('a key that would reach a prototype');
    expect(({} as Record<string, unknown>).isAdmin).toBeUndefined();
  });

  test('in words that quote nothing of it', () => {
    const text = encodeCheckpoint(aCheckpoint()).replace('reviews', 'secret!');
    expect(refusal(text)).toBe('the checksum does not match');
  });
});

describe('more than 10,000 mutations: equal, or refused for a known reason', () => {
  const text = encodeCheckpoint(aCheckpoint());
  const check = (mutated: string) => {
    let decoded: Checkpoint;
    try {
      decoded = decodeCheckpoint(mutated, SESSION);
    } catch (error) {
      expect(error).toBeInstanceOf(CorruptCheckpointError);
      const reason = (error as CorruptCheckpointError).reasons.join('; ');
      expect(
        REASONS.some((known) => known.test(reason)),
        reason,
      ).toBe(true);
      return;
    }
    expect(decoded).toEqual(aCheckpoint());
  };
  const bytes = Buffer.from(text);
  const at = fc.nat({ max: bytes.length - 1 });

  test('a bit flipped', () => {
    fc.assert(
      fc.property(at, fc.nat({ max: 7 }), (index, bit) => {
        const flipped = Buffer.from(bytes);
        flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
        check(flipped.toString('utf8'));
      }),
      { numRuns: 3000 },
    );
  });

  test('cut, doubled, spliced', () => {
    fc.assert(
      fc.property(at, at, fc.string({ unit: 'binary', maxLength: 40 }), (from, to, inserted) => {
        check(text.slice(0, from));
        check(text.slice(from));
        check(text.slice(0, from) + inserted + text.slice(to));
      }),
      { numRuns: 1500 },
    );
  });

  test('any JSON in place of any field, the checksum made right again', async () => {
    const key = fc.oneof(
      fc.constantFrom(...Object.keys(body(aCheckpoint()))),
      fc.constantFrom('checksum', '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', ''),
      fc.string(),
    );
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom<unknown>(-1, 0, 1e308, -0, 2 ** 53, '', '\ud800', [], {}, null, true),
      fc.object({ key: fc.constantFrom('__proto__', 'constructor', 'a'), maxDepth: 3 }),
    );
    // Opaque here, and the machine's to judge: any JSON in them is as good as another.
    const opaque = new Set(['fingerprint', 'sourceIdentity', 'snapshot', 'source', 'sink', 'deadLetter']);
    await fc.assert(
      fc.asyncProperty(key, value, async (name, inner) => {
        const entries = Object.entries(body(aCheckpoint())).filter(([known]) => known !== name);
        const whole = JSON.stringify(Object.fromEntries(entries)).slice(0, -1);
        const added = `${JSON.stringify(name)}:${JSON.stringify(inner) ?? 'null'}`;
        const mutated = JSON.parse(`${whole},${added}}`) as Json;
        const sealedText = await sealed(mutated);
        const reason = refusal(sealedText);
        if (reason !== undefined) {
          expect(
            REASONS.some((known) => known.test(reason)),
            reason,
          ).toBe(true);
          return;
        }
        // What is accepted is what stands there, field for field.
        const decoded = decodeCheckpoint(sealedText, SESSION);
        const rest = JSON.parse(JSON.stringify(mutated)) as Record<string, unknown>;
        delete rest.format;
        expect(decoded).toEqual(rest);
        if (!opaque.has(name))
          expect(Object.keys(aCheckpoint())).toEqual(expect.arrayContaining(Object.keys(decoded)));
      }),
      { numRuns: 3000 },
    );
  });

  test('any text, any JSON', () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json({ maxDepth: 40 })), check), {
      numRuns: 3000,
    });
  });
});
