/** W1's stages over a batch, for variants that pass batches. */
import { derive, normalise, select } from './w1-stages.mjs';

/** @typedef {import('./w1-stages.mjs').Order} Order */

/** @param {Order[]} rows */
export const normaliseAll = (rows) => rows.map(normalise);
/** @param {Order[]} rows */
export const deriveAll = (rows) => rows.map(derive);
/** @param {Order[]} rows */
export const selectAll = (rows) => rows.filter(select);
