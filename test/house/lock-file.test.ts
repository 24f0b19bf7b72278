/**
 * Pins: package-lock.json installs anywhere. When npm rewrites the file beside an existing node_modules, it omits the packages
 * of other platforms, and `npm ci` then refuses the file on those. An address in the file would bind every install to one
 * registry.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Entry {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const file = new URL('../../package-lock.json', import.meta.url);
const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Entry> };
const installed = Object.entries(packages).filter(
  ([path, { link }]) => path.includes('node_modules/') && !link,
);
const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

test('every package has its version and checksum, and no address', () => {
  const incomplete = installed.filter(([, entry]) => !entry.version || !entry.integrity || entry.resolved);
  expect(incomplete.map(([path]) => path)).toEqual([]);
});

test('the packages of every platform are there', () => {
  const there = new Set(installed.map(([path]) => nameOf(path)));
  const wanted = installed.flatMap(([, { optionalDependencies = {} }]) => Object.keys(optionalDependencies));
  expect(wanted.filter((name) => !there.has(name))).toEqual([]);
});
