import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Tests run on the sources; what starts a child process (command line, crash tests) runs the build in `dist`. */
export default defineConfig({
  resolve: {
    alias: [
      { find: '#platform', replacement: at('src/executor/platform.node.ts') },
      { find: /^xstate-pipeline$/, replacement: at('src/index.ts') },
      { find: /^xstate-pipeline\/machines$/, replacement: at('machines/index.ts') },
      { find: /^xstate-pipeline\/(node|browser|testing)$/, replacement: at('src/$1.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
