/** `xstate-pipeline/browser`: sessions in the browser's `localStorage`, through lowdb. */
export { localStorageStorage } from './checkpoint/local-storage.js';
