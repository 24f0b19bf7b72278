import { InvalidOptionError } from '../errors.js';
import type { MalformedPolicy } from './source.js';

const POLICIES: readonly MalformedPolicy[] = ['fail', 'skip', 'dead-letter'];

/** The policy, 'fail' by default. @throws {InvalidOptionError} */
export function malformedPolicy(policy: unknown, kind: string): MalformedPolicy {
  const known = POLICIES.find((name) => name === (policy ?? 'fail'));
  if (known === undefined)
    throw new InvalidOptionError(`${kind}: onMalformed must be ${POLICIES.join(', ')}.`);
  return known;
}
