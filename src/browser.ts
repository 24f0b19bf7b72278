/** `xstate-pipeline/browser`: sessions in the browser's `localStorage`, through lowdb. */
export { localStorageStorage } from './checkpoint/storages/local-storage.js';
