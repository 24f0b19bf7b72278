/**
 * What a browser gets: nothing reachable from the entry points that run anywhere may import a Node built-in.
 *
 * Only what is left after compiling counts here (types of Node are fine), and `#platform` and `#sha256` are resolved as a bundler for
 * the browser does: test/house/browser-resolution.cjs stands for the `default` condition of package.json's `imports`,
 * which names the build.
 */
const { builtinModules } = require('node:module');

/** Reached from where a browser starts. */
const BROWSER_ENTRY = [
  '^src/(index|browser|recording|storage|pages|web|react)[.]ts$',
  '^machines/index[.]ts$',
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'browser-reaches-no-built-in',
      severity: 'error',
      comment: 'src/{index,browser,recording,storage,pages,web,react}.ts and machines/ run in a browser',
      from: { path: BROWSER_ENTRY },
      to: { reachable: true, path: `^(node:)?(${builtinModules.join('|')})$` },
    },
    {
      name: 'browser-reaches-no-node-entry',
      severity: 'error',
      comment: 'what is for Node only comes in through xstate-pipeline/node',
      from: { path: BROWSER_ENTRY },
      to: {
        reachable: true,
        path: [
          '^src/(node|testing)[.]ts$',
          '^src/(executor/defaults|platform/(platform|sha256))[.]node[.]ts$',
          '^src/(cli|testing|inspector)/',
        ],
      },
    },
    {
      name: 'browser-resolvable',
      severity: 'error',
      comment: 'an import that leads nowhere in a browser',
      from: { path: '^(src/(executor|platform|formats)|machines)/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^dist/'] },
    tsPreCompilationDeps: false,
    tsConfig: { fileName: 'tsconfig.json' },
    webpackConfig: { fileName: 'test/house/browser-resolution.cjs' },
    enhancedResolveOptions: {
      conditionNames: ['browser', 'import', 'default'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
    },
  },
};
