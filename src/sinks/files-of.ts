/** The files of a source or a sink. */
import type { JsonObject } from '../formats/json.js';

/** Of a sink, and of a source. */
export interface WithFiles {
  readonly files?: readonly string[];
  describe(): JsonObject | undefined;
}

/** The files that a sink publishes or a source reads, as absolute paths; none: it has no files, or does not say. */
export function filesOf(place: WithFiles | undefined): readonly string[] {
  if (place?.files !== undefined) return place.files;
  const path = place?.describe()?.path;
  return typeof path === 'string' ? [path] : [];
}
