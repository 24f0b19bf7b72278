import { oneOf, readOption, withDefault } from '../formats/shape.js';
import type { MalformedPolicy } from './source.js';

const policies = withDefault(oneOf(['fail', 'skip', 'dead-letter']), 'fail');

/** The policy, 'fail' by default. @throws {InvalidOptionError} */
export function malformedPolicy(policy: unknown, kind: string): MalformedPolicy {
  return readOption(kind, 'onMalformed', policies, policy);
}
