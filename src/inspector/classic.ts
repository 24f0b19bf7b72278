/** Runs of xstate-pipeline in the viewer of `@xstate/inspect`. */
export type { LiveActor } from './bridge/actor.js';
export type { BridgeOptions } from './bridge/options.js';
export type { Timers } from './bridge/throttle.js';
export { type ClassicInspector, type ClassicOptions, serveClassic } from './classic/serve.js';
