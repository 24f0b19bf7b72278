/**
 * Work to do at the end of each test: removing its folders, ending its processes.
 *
 * Test files share modules (vitest.config.ts), so a module of helpers cannot register hooks at import: it would do so for
 * the first file only. Vitest runs `test-end.setup.ts` for every file, and that one registers the hook.
 */
const works: (() => void)[] = [];

export function atTestEnd(work: () => void): void {
  works.push(work);
}

/** In reverse order: a process ends before its folder goes. */
export function endTest(): void {
  for (const work of works.splice(0).reverse()) work();
}
