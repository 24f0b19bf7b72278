/**
 * What a session wrote is known, and goes with it: a part file without committed bytes is removed at closing, `discard`
 * removes the others, and neither touches the file of another session. Any number of part files stand in no run's way.
 */
import { expect, test } from 'vitest';
import { SinkError } from '../../src/errors.js';
import { discardFile, FileSink, removePublishedFile } from '../../src/sinks/file-sink.js';
import type { SinkPosition } from '../../src/sinks/sink.js';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';

const PATH = '/data/rows.jsonl';
const PART = `${PATH}.part`;
const place = { path: PATH, publish: 'rename' } as const;

const session = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const bytes = (text: string) => new TextEncoder().encode(text);
const context = (disk: SimulatedDisk, n = 1) => ({ fileSystem: disk, sessionId: session(n) });

async function open(disk: SimulatedDisk, n = 1, at?: SinkPosition): Promise<FileSink> {
  return FileSink.open(place, at, false, context(disk, n));
}

test('a part file without committed bytes is removed at closing', async () => {
  const disk = new SimulatedDisk();
  const sink = await open(disk);
  await sink.flush();
  const { position } = sink;
  await sink.append([bytes('not committed\n')]);
  await sink.close();
  expect(disk.files()).toEqual([]);
  const again = await open(disk, 1, position);
  await again.append([bytes('row\n')]);
  await again.publish();
  expect(disk.text(PATH)).toBe('row\n');
});

test('a killed session without committed bytes does not take the file of another session', async () => {
  const before = new SimulatedDisk();
  const { position } = await open(before, 1);
  const disk = before.kill();
  await disk.unlink(PART);
  const other = await open(disk, 2);
  await other.append([bytes('of another session\n')]);
  await other.flush();
  const resumed = await open(disk, 1, position);
  expect(disk.text(PART)).toBe('of another session\n');
  await resumed.append([bytes('own\n')]);
  await resumed.publish();
  await discardFile(place, position, context(disk, 1));
  expect(disk.text(PART)).toBe('of another session\n');
});

test('discard removes the part file of a killed session: before its first commit, and after it', async () => {
  for (const isCommitted of [false, true]) {
    const before = new SimulatedDisk();
    const sink = await open(before);
    const begun = sink.position;
    await sink.append([bytes('row\n')]);
    if (isCommitted) await sink.flush();
    const disk = before.kill();
    await discardFile(place, isCommitted ? sink.position : begun, context(disk));
    expect(disk.files()).toEqual([]);
  }
});

test('discard leaves a part file that holds something else', async () => {
  const disk = new SimulatedDisk();
  const sink = await open(disk);
  await sink.append([bytes('row\n')]);
  await sink.flush();
  await sink.close();
  disk.put(PART, 'other\n');
  await discardFile(place, sink.position, context(disk));
  expect(disk.text(PART)).toBe('other\n');
});

test('files named after their session are found without a position', async () => {
  const before = new SimulatedDisk();
  const letters = { ...context(before), parts: 'of-session' } as const;
  await (await FileSink.open(place, undefined, false, letters)).append([bytes('row\n')]);
  expect(before.files()).toEqual([`${PATH}.${session(1)}.part`]);
  const disk = before.kill();
  // A resumed session uses its name again.
  const again = await FileSink.open(place, undefined, false, { ...letters, fileSystem: disk });
  expect(disk.text(`${PATH}.${session(1)}.part`)).toBe('');
  await again.append([bytes('row\n')]);
  const killed = disk.kill();
  await discardFile(place, undefined, context(killed, 2));
  expect(killed.files()).toHaveLength(1);
  await discardFile(place, undefined, context(killed, 1));
  expect(killed.files()).toEqual([]);
});

test('hundreds of unfinished sessions refuse no new one', async () => {
  let disk = new SimulatedDisk();
  for (let n = 1; n <= 150; n++) {
    const sink = await open(disk, n);
    await sink.append([bytes(`${n}\n`)]);
    await sink.flush();
    disk = disk.kill();
  }
  const sink = await open(disk, 151);
  await sink.append([bytes('whole\n')]);
  await sink.publish();
  expect(disk.text(PATH)).toBe('whole\n');
  expect(disk.files()).toHaveLength(151);
});

test('a part file that was removed during the run fails the next flush, by its name', async () => {
  const disk = new SimulatedDisk();
  const sink = await open(disk);
  await sink.append([bytes('row\n')]);
  await disk.unlink(PART);
  await expect(sink.flush()).rejects.toThrow(
    new SinkError(
      `${PART} was removed or replaced during the run, perhaps by another run with the same output. Run again.`,
    ),
  );
});

test('removePublished removes a file, and nothing else', async () => {
  const before = new SimulatedDisk();
  before.put(PATH, 'earlier');
  await removePublishedFile(place, context(before));
  await removePublishedFile(place, context(before));
  const disk = before.crash();
  expect(disk.files()).toEqual([]);
  disk.putDirectory(PATH);
  await removePublishedFile(place, context(disk));
  expect((await disk.stat(PATH))?.kind).toBe('directory');
});
