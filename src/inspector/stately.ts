/** Runs of xstate-pipeline in Stately's inspector. */
export type { LiveActor } from './bridge/actor.js';
export type { BridgeOptions } from './bridge/options.js';
export type { Timers } from './bridge/throttle.js';
export { type StatelyInspector, type StatelyOptions, serveStately } from './stately/serve.js';
