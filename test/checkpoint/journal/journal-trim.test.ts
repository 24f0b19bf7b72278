/**
 * I8, I9: the power goes at any operation of a trim beside an append, whose operations take effect in any order: the journal
 * is whole afterwards, and has what was promised.
 */
import { expect, test } from 'vitest';
import { seededRandom } from '../../../src/platform/clock.js';
import { SimulatedDisk } from '../../../src/testing/disk/simulated-disk.js';
import { at, open } from './journals.js';

const BIG = [new Uint8Array(10_000)];

test.each(Array.from({ length: 13 }, (_, i) => i + 1))('at operation %i', async (cut) => {
  for (let seed = 0; seed < 20; seed++) {
    const random = seededRandom(1000 * cut + seed);
    const disk = new SimulatedDisk({
      turn: async () => {
        for (let i = Math.floor(random() * 30); i > 0; i--) await undefined;
      },
    });
    disk.putDirectory('/s');
    const journal = await open('/s', { fileSystem: disk });
    for (let batch = 0; batch < 20; batch++) await journal.append(at(batch), BIG);
    await new Promise((resolve) => setImmediate(resolve));
    disk.cutAt(cut);
    const trimming = journal.trim(20).catch(() => {});
    const isPromised = await journal.append(at(20), BIG).then(
      () => true,
      () => false,
    );
    await trimming;
    await journal.close().catch(() => {});
    const fileSystem = seed === 0 ? disk.kill() : disk.crash(seed);
    const again = await open('/s', { fileSystem, epoch: 2 });
    if (isPromised) expect(again.keys(), `seed ${seed}`).toContainEqual(at(20));
    await again.close();
  }
});
