/** Every storage passes the storage contract. */
import { join } from 'node:path';
import { describe, test, vi } from 'vitest';
import { memoryLock } from '../../../src/checkpoint/lock/memory-lock.js';
import { localStorageStorage } from '../../../src/checkpoint/storages/local-storage.js';
import { lowdbStorage } from '../../../src/checkpoint/storages/lowdb-storage.js';
import { memoryStorage } from '../../../src/checkpoint/storages/memory-storage.js';
import { storageContract } from '../../../src/testing/contracts/storage.js';
import { SimulatedDisk } from '../../../src/testing/disk/simulated-disk.js';
import { FakeLocalStorage } from '../../support/fake-local-storage.js';
import { freshFolder } from '../../support/folders.js';

storageContract(
  'lowdb in files',
  async () => {
    const directory = join(freshFolder(), 'a', 'state');
    return () => lowdbStorage(directory);
  },
  { describe, it: test },
);

storageContract(
  'lowdb on a simulated disk',
  async () => {
    const fileSystem = new SimulatedDisk();
    const lock = memoryLock();
    return () =>
      lowdbStorage('/state', {
        fileSystem,
        acquireLock: ({ sessionId, handlers }) => lock(sessionId, handlers),
      });
  },
  { describe, it: test },
);

storageContract(
  'memory',
  async () => {
    const storage = memoryStorage();
    return () => storage;
  },
  { describe, it: test },
);

storageContract(
  'localStorage',
  async () => {
    vi.stubGlobal('localStorage', new FakeLocalStorage());
    const storage = localStorageStorage();
    return () => storage;
  },
  { describe, it: test },
);
