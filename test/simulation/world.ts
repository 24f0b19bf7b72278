/** What goes on while simulated processes come and go. */

import type { ExecutionResult } from '../../src/index.js';
import type { Random } from '../../src/platform/clock.js';
import type { Golden } from './golden.js';
import type { Ledger } from './ledger.js';
import type { Plan } from './plan.js';

export interface World {
  readonly plan: Plan;
  readonly golden: Golden;
  readonly ledger: Ledger;
  /** The one source of chance while the seed is lived. */
  readonly random: Random;
  /** The session that is to be completed. */
  session: string | undefined;
  /** How many were begun. */
  sessions: number;
  commands: number;
  steps: number;
  /** What it came to in the end. `before`: it is stored as completed, and nobody was told. */
  completed: ExecutionResult | 'hopeless' | 'before' | undefined;
}

export const sessionId = (number: number): string =>
  `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
