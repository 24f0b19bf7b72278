/**
 * Bugs to put in on purpose: each is one small change of one source, with the one suite that has to notice. Every
 * invariant has some; where one is kept in several places, each place.
 *
 * The text to replace must stand in the file exactly once; where it does not, the entry is stale.
 */
import { BUGS as checkpoint } from './bugs/checkpoint.mjs';
import { BUGS as edges } from './bugs/edges.mjs';
import { BUGS as executor } from './bugs/executor.mjs';
import { BUGS as files } from './bugs/files.mjs';
import { BUGS as machines } from './bugs/machines.mjs';
import { BUGS as rows } from './bugs/rows.mjs';

/**
 * @typedef {object} Bug
 * @property {string} name  To run it alone.
 * @property {string} what
 * @property {string} invariant
 * @property {string} file
 * @property {string} search
 * @property {string} replace
 * @property {string} suite
 */

/** @param {Bug} bug */
const firstInvariant = ({ invariant }) => Number(/\d+/.exec(invariant)?.[0]);

/** By invariant.
 * @type {readonly Bug[]} */
export const BUGS = [...machines, ...executor, ...rows, ...checkpoint, ...files, ...edges].sort(
  (a, b) => firstInvariant(a) - firstInvariant(b),
);
