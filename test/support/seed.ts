/** The seed of the random tests: fixed, so that every `npm test` is the same. `node test/explore.mjs` runs them with others. */
export const SEED = Number(process.env.XSTATE_PIPELINE_SEED ?? 20_261_128);
