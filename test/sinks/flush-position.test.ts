/** The position of a flush covers exactly what was appended before the flush was called (I6, I7). */
import { expect, test } from 'vitest';
import type { FileSystem } from '../../src/platform/file-system.js';
import { csvSink } from '../../src/sinks/csv.js';
import { jsonlSink } from '../../src/sinks/jsonl.js';
import { contextOf } from '../../src/testing/contracts/source.js';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { gate } from '../support/runs.js';
import { replacing } from '../testing/replacing.js';

interface Row {
  readonly n: number;
}

test.each([
  ['jsonl', jsonlSink<Row>('/data/out')],
  ['csv', csvSink<Row>('/data/out')],
])('%s: rows appended during a flush are not covered by it', async (_, sink) => {
  const disk = new SimulatedDisk();
  const door = gate();
  const open: FileSystem['open'] = async (path, mode) => {
    const handle = await disk.open(path, mode);
    return replacing(handle, 'datasync', async () => {
      await door.opened;
      await handle.datasync();
    });
  };
  const opened = await sink.open(
    undefined,
    false,
    contextOf(replacing<FileSystem, 'open'>(disk, 'open', open)),
  );
  await opened.append([opened.encode([{ n: 1 }])]);
  const before = opened.position;
  const flushing = opened.flush();
  await opened.append([opened.encode([{ n: 2 }])]);
  door.open();
  expect(await flushing).toEqual(before);
  expect(opened.position).not.toEqual(before);
  await opened.close();
});
