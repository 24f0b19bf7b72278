/** Installs the packages of the comparison into a folder of their own, on first use. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../peers', import.meta.url));

/** @returns {boolean} whether they are there */
export function havePeers() {
  const { dependencies } = JSON.parse(readFileSync(`${FOLDER}/package.json`, 'utf8'));
  return Object.entries(dependencies).every(([name, version]) => {
    const manifest = `${FOLDER}/node_modules/${name}/package.json`;
    return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version;
  });
}

/** @returns {boolean} whether they are there now */
export function installPeers() {
  if (havePeers()) return true;
  console.log('npm install in test/bench/peers: what is compared with, once');
  // Not `npm ci`: it refuses a lock file that lacks other platforms' builds of optional packages, as this one does.
  const { status } = spawnSync('npm', ['install', '--no-save', '--no-audit', '--no-fund'], {
    cwd: FOLDER,
    stdio: 'inherit',
  });
  return status === 0;
}

/** @param {URL} file */
export const isPeer = (file) => file.pathname.includes('/bench/peers/');
