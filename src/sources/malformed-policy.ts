import { InvalidOptionError } from '../errors.js';
import type { MalformedPolicy } from './source.js';

const POLICIES: readonly MalformedPolicy[] = ['fail', 'skip', 'dead-letter'];

/** The policy asked for; 'fail' unless told. @throws {InvalidOptionError} */
export function malformedPolicy(policy: unknown, kind: string): MalformedPolicy {
  const known = POLICIES.find((name) => name === (policy ?? 'fail'));
  if (known === undefined)
    throw new InvalidOptionError(`${kind}: onMalformed has to be ${POLICIES.join(', ')}.`);
  return known;
}
