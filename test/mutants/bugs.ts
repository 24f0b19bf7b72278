/**
 * Bugs to put in on purpose: each is one small change of one source, with the one suite that has to notice. Every
 * invariant has some; an invariant that several places keep has one for each place.
 */
import { BUGS as checkpoint } from './bugs/checkpoint.js';
import { BUGS as commands } from './bugs/commands.js';
import { BUGS as edges } from './bugs/edges.js';
import { BUGS as files } from './bugs/files.js';
import { BUGS as journal } from './bugs/journal.js';
import { BUGS as keyed } from './bugs/keyed.js';
import { BUGS as machines } from './bugs/machines.js';
import { BUGS as paid } from './bugs/paid.js';
import { BUGS as rows } from './bugs/rows.js';
import { BUGS as session } from './bugs/session.js';
import type { Bug } from './seeded-bug.js';

export { seed } from './seeded-bug.js';

const firstInvariant = ({ invariant }: Bug) => Number(/\d+/.exec(invariant)?.[0]);

/** By invariant. */
export const BUGS = [
  ...machines,
  ...commands,
  ...session,
  ...rows,
  ...checkpoint,
  ...journal,
  ...files,
  ...paid,
  ...edges,
  ...keyed,
].sort((a, b) => firstInvariant(a) - firstInvariant(b));
