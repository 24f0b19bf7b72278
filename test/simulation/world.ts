/** The state of a simulation over all its processes. */

import type { ExecutionResult } from '../../src/index.js';
import type { Random } from '../../src/platform/clock.js';
import type { Golden } from './golden.js';
import type { Ledger } from './ledger.js';
import type { Plan } from './plan.js';

export interface World {
  readonly plan: Plan;
  readonly golden: Golden;
  readonly ledger: Ledger;
  /** The only source of random numbers during the run. */
  readonly random: Random;
  /** The session to complete. */
  session: string | undefined;
  /** Number of started sessions. */
  sessions: number;
  commands: number;
  steps: number;
  /** The outcome. `before`: the session is stored as completed, but its process crashed before the answer. */
  completed: ExecutionResult | 'hopeless' | 'before' | undefined;
}

export const sessionId = (number: number): string =>
  `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
