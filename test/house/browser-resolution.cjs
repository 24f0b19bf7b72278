/**
 * How a bundler for the browser resolves `#platform` and `#sha256`: the `default` condition of package.json's `imports`, which names
 * the build; here on the sources. Read by .dependency-cruiser.browser.cjs in the shape of a webpack configuration, its
 * one way to be given an alias.
 */
const { resolve } = require('node:path');

module.exports = {
  resolve: {
    alias: {
      '#platform': resolve('src/platform/platform.browser.ts'),
      '#defaults': resolve('src/executor/defaults.browser.ts'),
      '#sha256': resolve('src/platform/sha256.browser.ts'),
    },
  },
};
