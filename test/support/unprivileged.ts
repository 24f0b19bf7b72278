/** Runs work as a user to whom permissions apply: root becomes the unprivileged user meanwhile. */
const UNPRIVILEGED_USER = 65_534;

export async function unprivileged<R>(work: () => Promise<R>): Promise<R> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(UNPRIVILEGED_USER);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
