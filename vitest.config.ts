import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vitest/config';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/**
 * XState has a default and a development build that differ in what they persist. Vite always takes the development
 * one outside of production; a user's Node takes the default one. Here Node itself decides, so that
 * `NODE_OPTIONS=--conditions=development` chooses the build in the tests and in the processes they start alike
 * (test/house/xstate-build.test.ts proves it).
 */
const xstateAsNodeResolvesIt: Plugin = {
  name: 'xstate-as-node-resolves-it',
  enforce: 'pre',
  resolveId: (id) => (/^xstate(\/|$)/.test(id) ? fileURLToPath(import.meta.resolve(id)) : undefined),
};

/** Test files that replace modules. Every other file shares its modules with the files that the same worker ran before. */
const replacingModules = readdirSync(at('test'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts'))
  .map((path) => `test/${path}`)
  .filter((path) => /\bvi\.(doMock|mock)\(/.test(readFileSync(at(path), 'utf8')));

/** Tests in a context of `node:vm`, as jest runs them: what Node itself throws and returns is of another realm there. */
const OTHER_REALM = 'test/realm/**/*.test.ts';

/** Tests run on the sources; what starts a child process (command line, crash tests) runs the build in `dist`. */
export default defineConfig({
  plugins: [xstateAsNodeResolvesIt],
  resolve: {
    alias: [
      { find: '#sha256', replacement: at('src/platform/sha256.node.ts') },
      { find: '#platform', replacement: at('src/platform/platform.node.ts') },
      { find: '#defaults', replacement: at('src/executor/defaults.node.ts') },
      { find: /^xstate-pipeline$/, replacement: at('src/index.ts') },
      { find: /^xstate-pipeline\/machines$/, replacement: at('machines/index.ts') },
      {
        find: /^xstate-pipeline\/(node|browser|recording|sql|storage|testing|ai|web|react|otel)$/,
        replacement: at('src/$1.ts'),
      },
    ],
  },
  test: {
    // Much of what a test waits for is another process: as many files at once as there are cores.
    maxWorkers: Math.max(2, availableParallelism()),
    setupFiles: ['test/support/setup/test-end.setup.ts', 'test/support/setup/seed.setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'shared',
          include: ['test/**/*.test.ts'],
          exclude: [...replacingModules, OTHER_REALM],
          isolate: false,
        },
      },
      {
        extends: true,
        test: { name: 'other realm', include: [OTHER_REALM], pool: 'vmThreads' },
      },
      {
        extends: true,
        test: {
          name: 'isolated',
          include: replacingModules,
        },
      },
    ],
  },
});
