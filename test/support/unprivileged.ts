/** Does something as somebody to whom permissions apply: to root they do not, so root is nobody for its time. */
const NOBODY = 65_534;

export async function unprivileged<R>(work: () => Promise<R>): Promise<R> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
