/** An unreadable in-flight marker makes no batch a suspect, and never prevents a resume (I9). */
import { expect, test } from 'vitest';
import { openFileInFlightMarker } from '../../../src/checkpoint/storages/file-in-flight-marker.js';
import { SimulatedDisk } from '../../../src/testing/disk/simulated-disk.js';

const PATH = '/s/in-flight.json';

test('what was noted is there for the next process', async () => {
  const disk = new SimulatedDisk();
  disk.putDirectory('/s');
  const marker = await openFileInFlightMarker(disk, '/s');
  expect(marker.before).toBeUndefined();
  await marker.writeMarker(2, 7);
  await marker.close();
  expect((await openFileInFlightMarker(disk.kill(), '/s')).before).toEqual({ epoch: 2, batch: 7 });
});

test.each([
  ['larger than it ever is', 'x'.repeat(10_000)],
  ['no JSON', '{"epoch":'],
  ['no counts', '{"epoch":-1,"batch":"7"}'],
])('%s: no batch is a suspect', async (_, text) => {
  const disk = new SimulatedDisk();
  disk.put(PATH, text);
  expect((await openFileInFlightMarker(disk, '/s')).before).toBeUndefined();
});
