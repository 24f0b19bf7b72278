/** Reads a feed to its end, which a running session may never reach. */
import type { SessionFeed } from '../host.js';

export interface Following {
  /** Resolves when the stored bytes are read. The feed decides: a pause between two chunks means nothing.
   * @throws the error of a feed that gave nothing. */
  readonly caughtUp: Promise<void>;
  /** Resolves at the end of the feed. */
  readonly ended: Promise<void>;
}

/** @param onChunk called with every chunk, also after the feed has caught up. */
export function follow({ chunks, caughtUp }: SessionFeed, onChunk: (chunk: Uint8Array) => void): Following {
  let arrived = false;
  const read = async () => {
    for await (const chunk of chunks) {
      arrived = true;
      onChunk(chunk);
    }
  };
  const ended = read().catch((error: unknown) => {
    // A recording that breaks off is shown as far as it goes.
    if (!arrived) throw error;
  });
  return {
    caughtUp: caughtUp === undefined ? ended : Promise.race([caughtUp, ended]),
    ended: ended.catch(() => {}),
  };
}
