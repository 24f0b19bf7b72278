/**
 * Pins: the simulated disk loses every change without an fsync, and no other.
 */
import { expect, test } from 'vitest';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';

const bytes = (text: string) => new TextEncoder().encode(text);

async function written(disk: SimulatedDisk, path: string, text: string) {
  const handle = await disk.open(path, 'create');
  await handle.write([bytes(text)], 0);
  return handle;
}

test('a file with an fsync in a directory without one has no name after a power loss', async () => {
  const disk = new SimulatedDisk();
  await (await written(disk, '/a', 'text')).sync();
  expect(disk.kill().text('/a')).toBe('text');
  expect(disk.crash().text('/a')).toBeUndefined();
});

test('a name with an fsync does not keep data without one', async () => {
  const disk = new SimulatedDisk();
  await written(disk, '/a', 'text');
  await disk.syncDirectory('/');
  expect(disk.crash().text('/a')).toBe('');
});

test('with both, all data survives; any part of the pending data may survive', async () => {
  const outcomes = new Set<string | undefined>();
  for (let seed = 0; seed < 300; seed++) {
    const disk = new SimulatedDisk();
    const handle = await written(disk, '/a', 'ab');
    await handle.sync();
    await disk.syncDirectory('/');
    await handle.write([bytes('cd')], 2);
    await handle.write([bytes('ef')], 4);
    outcomes.add(disk.crash(seed).text('/a'));
  }
  // All, none, the first only, torn, a gap in place of the first write.
  for (const text of ['abcdef', 'ab', 'abcd', 'abc', 'ab\0\0ef']) expect(outcomes).toContain(text);
  expect([...outcomes].every((text) => text?.startsWith('ab'))).toBe(true);
});

test('two renames survive in any combination, each atomically', async () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const disk = new SimulatedDisk();
    disk.put('/old', '1');
    disk.put('/new', '2');
    await disk.rename('/old', '/older');
    await disk.rename('/new', '/old');
    const after = disk.crash(seed);
    outcomes.add(
      after
        .files()
        .map((path) => `${path}=${after.text(path)}`)
        .join(' '),
    );
  }
  expect([...outcomes].sort()).toEqual(['/new=2 /old=1', '/new=2 /older=1', '/old=2', '/old=2 /older=1']);
});

test('after a failed fsync the data is never durable, although a second fsync succeeds', async () => {
  const disk = new SimulatedDisk();
  const handle = await written(disk, '/a', 'text');
  await disk.syncDirectory('/');
  disk.fail(1, 'EIO');
  await expect(handle.sync()).rejects.toMatchObject({ code: 'EIO' });
  await handle.sync();
  expect(disk.text('/a')).toBe('text');
  expect(disk.crash().text('/a')).toBe('');
});

test('with a seed, operations under way at once take effect in any order; awaited ones keep theirs', async () => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const disk = new SimulatedDisk({ seed });
    const handle = await written(disk, '/a', '....');
    const order: string[] = [];
    const work = (name: string, done: Promise<unknown>) => done.then(() => order.push(name));
    await Promise.all([work('write', handle.write([bytes('text')], 0)), work('sync', handle.sync())]);
    orders.add(order.join(' '));
    await handle.write([bytes('1')], 0);
    await handle.write([bytes('2')], 0);
    expect(disk.text('/a')).toBe('2ext');
  }
  expect([...orders].sort()).toEqual(['sync write', 'write sync']);
});

test('with a seed, a power loss finds a flush that was not awaited', async () => {
  let lost = 0;
  for (let seed = 0; seed < 50; seed++) {
    const disk = new SimulatedDisk({ seed });
    disk.put('/a', '....');
    const handle = await disk.open('/a', 'update');
    await handle.write([bytes('text')], 0);
    handle.sync().catch(() => {});
    await disk.stat('/a');
    if (disk.crash().text('/a') !== 'text') lost++;
  }
  expect(lost).toBeGreaterThan(5);
});

test('a short write stores half; a full disk refuses writes and creations', async () => {
  const disk = new SimulatedDisk();
  const handle = await written(disk, '/a', '');
  disk.fail(1, 'ENOSPC', 'short');
  await expect(handle.write([bytes('abcd')], 0)).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(disk.text('/a')).toBe('ab');
  disk.fullFrom(1);
  await expect(disk.open('/b', 'create')).rejects.toMatchObject({ code: 'ENOSPC' });
  await disk.unlink('/a');
});

test('the operation at the power cut and all later ones are rejected', async () => {
  const disk = new SimulatedDisk();
  disk.put('/a', '1');
  disk.cutAt(2);
  await disk.stat('/a');
  await expect(disk.rename('/a', '/b')).rejects.toMatchObject({ code: 'EIO' });
  await expect(disk.stat('/a')).rejects.toMatchObject({ code: 'EIO' });
  expect(disk.operations.map(({ kind }) => kind)).toEqual(['stat', 'rename', 'stat']);
  expect(disk.crash().files()).toEqual(['/a']);
  expect(disk.kill().files()).toEqual(['/b']);
});

test('operations on an offline disk change nothing', async () => {
  const disk = new SimulatedDisk();
  const handle = await written(disk, '/a', 'old');
  const next = disk.kill();
  await expect(handle.write([bytes('new')], 0)).rejects.toMatchObject({ code: 'EIO' });
  expect(next.text('/a')).toBe('old');
});
