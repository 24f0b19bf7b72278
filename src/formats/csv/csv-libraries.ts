/**
 * The CSV libraries, loaded when a CSV file is opened: their twenty files delayed the first batch of every other run.
 *
 * Opening awaits the loading, so that what follows is synchronous.
 */
type Parser = typeof import('csv-parse/sync');
type Writer = typeof import('csv-stringify/sync');

let loadedParser: Parser | undefined;
let loadedWriter: Writer | undefined;

/** Before `csvParser`. */
export async function loadCsvParser(): Promise<void> {
  loadedParser ??= await import('csv-parse/sync');
}

/** Before `csvWriter`. */
export async function loadCsvWriter(): Promise<void> {
  loadedWriter ??= await import('csv-stringify/sync');
}

export function csvParser(): Parser {
  return loadedParser ?? notLoaded('csv-parse');
}

export function csvWriter(): Writer {
  return loadedWriter ?? notLoaded('csv-stringify');
}

function notLoaded(name: string): never {
  throw new Error(`${name} is used before a CSV file was opened.`);
}
