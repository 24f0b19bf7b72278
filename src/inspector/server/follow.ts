/** Reads a feed, which may never end, and knows when it has given what there was. */
import type { SessionFeed } from '../host.js';

/** A feed that gives nothing for so long has given what there was. */
const CAUGHT_UP_MS = 30;
/** However much there is: what has come by then is shown. */
const PATIENCE_MS = 5_000;

export interface Following {
  /** Resolves when what was there has come. @throws what the feed throws before anything came. */
  readonly caughtUp: Promise<void>;
  /** Resolves when the feed is at its end. */
  readonly ended: Promise<void>;
}

/** @param onChunk told of every piece, also after it has caught up. */
export function follow({ chunks }: SessionFeed, onChunk: (chunk: Uint8Array) => void): Following {
  let arrived = false;
  let settle: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  const caughtUp = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  const done = () => settle?.resolve();
  const read = async () => {
    const patience = setTimeout(done, PATIENCE_MS);
    let quiet: NodeJS.Timeout | undefined;
    try {
      for await (const chunk of chunks) {
        arrived = true;
        onChunk(chunk);
        clearTimeout(quiet);
        quiet = setTimeout(done, CAUGHT_UP_MS);
      }
    } catch (error) {
      // What came is shown; there is just no more of it.
      if (!arrived) settle?.reject(error);
    } finally {
      clearTimeout(patience);
      clearTimeout(quiet);
      done();
    }
  };
  return { caughtUp, ended: read() };
}
