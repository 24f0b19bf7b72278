/**
 * The file of a sink: after power loss at any operation, what was flushed is there and the target is complete (I6, I7, I19). A
 * failed write or fsync is final. Targets that are not files are refused. `direct` begins its own file.
 */
import { describe, expect, test } from 'vitest';
import { PipelineMismatchError, SinkError } from '../../src/errors.js';
import { FileSink } from '../../src/sinks/file-sink.js';
import type { Publish } from '../../src/sinks/written-file.js';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';

const PATH = '/data/out/rows.jsonl';
const PART = `${PATH}.part`;
const PIECES = ['one\n', 'two\n'.repeat(2000), 'three\n'];
const WHOLE = PIECES.join('');

const SESSION = '00000000-0000-4000-8000-000000000001';
const on = (fileSystem: SimulatedDisk) => ({ fileSystem, sessionId: SESSION });

const bytes = (text: string) => new TextEncoder().encode(text);
const open = (
  disk: SimulatedDisk,
  at?: { bytes: number; tail: string },
  complete = false,
  publish: Publish = 'rename',
) => FileSink.open({ path: PATH, publish }, at, complete, on(disk));

interface Progress {
  /** Pieces behind `at`. */
  pieces: number;
  at: { bytes: number; tail: string } | undefined;
  published: boolean;
}

/** A run that remembers what was acknowledged, as a checkpoint would. */
async function run(disk: SimulatedDisk, from: Progress, publish: Publish): Promise<Progress> {
  const progress = { ...from };
  let sink: FileSink | undefined;
  try {
    sink = await open(disk, from.at, from.pieces === PIECES.length, publish);
    for (const piece of PIECES.slice(from.pieces)) {
      await sink.append([bytes(piece.slice(0, 2)), bytes(piece.slice(2))]);
      const position = sink.position;
      await sink.flush();
      progress.at = position;
      progress.pieces++;
    }
    await sink.publish();
    progress.published = true;
  } catch (error) {
    if (!(error instanceof SinkError)) throw error;
  }
  await sink?.close();
  return progress;
}

const START: Progress = { pieces: 0, at: undefined, published: false };

describe.each<Publish>(['rename', 'direct'])('publish: %s', (publish) => {
  test('after power loss at any operation, a resume writes the same bytes; the target is never partial', async () => {
    const counted = new SimulatedDisk();
    await run(counted, START, publish);
    const count = counted.operations.length;
    expect(count).toBeGreaterThan(10);
    for (let n = 1; n <= count; n++) {
      for (const seed of [undefined, 1, 2, 3, 4, 5]) {
        const disk = new SimulatedDisk();
        if (publish === 'rename') disk.put(PATH, 'an earlier result');
        disk.cutAt(n);
        const before = await run(disk, START, publish);
        const after = disk.crash(seed);
        const found = after.text(PATH);
        if (publish === 'rename') {
          expect([before.published ? undefined : 'an earlier result', WHOLE]).toContain(found);
        }
        if (publish === 'direct' && before.at === undefined && (found ?? '') !== '') {
          // Begun, without an acknowledged position: nothing shows that it belongs to this run.
          await expect(open(after, undefined, false, publish)).rejects.toThrow('is not empty');
          continue;
        }
        const resumed = await run(after, before, publish);
        expect(resumed.published, `operation ${n}, seed ${seed}`).toBe(true);
        expect(after.text(PATH)).toBe(WHOLE);
        // A part file without an acknowledged position has no known owner: it stays.
        if (before.at !== undefined) expect(after.files()).toEqual([PATH]);
      }
    }
  });

  test('a failure of any operation is a SinkError, and a resumed run completes', async () => {
    const counted = new SimulatedDisk();
    await run(counted, START, publish);
    for (let n = 1; n <= counted.operations.length; n++) {
      for (const code of ['EIO', 'ENOSPC']) {
        const disk = new SimulatedDisk();
        disk.fail(n, code, 'short');
        const before = await run(disk, START, publish);
        const after = disk.kill();
        if (publish === 'direct' && before.at === undefined && (after.text(PATH) ?? '') !== '') continue;
        const resumed = await run(after, before, publish);
        expect(resumed.published, `operation ${n}, ${code}`).toBe(true);
        expect(after.text(PATH)).toBe(WHOLE);
      }
    }
  });
});

describe('a failure is final (I6)', () => {
  test.each(['write', 'datasync'] as const)(
    'of %s: every later call throws the same error and changes nothing',
    async (kind) => {
      const disk = new SimulatedDisk();
      const sink = await open(disk);
      disk.fail(kind === 'write' ? 1 : 2, 'ENOSPC');
      const first = await sink
        .append([bytes('x')])
        .then(() => sink.flush())
        .catch((error: unknown) => error);
      expect(first).toEqual(
        new SinkError(
          `Cannot ${kind === 'write' ? 'write' : 'flush'} ${PART}: the disk is full; make room and resume.`,
        ),
      );
      const operations = disk.operations.length;
      for (const call of [() => sink.append([bytes('x')]), () => sink.flush(), () => sink.publish()]) {
        expect(await call().catch((error: unknown) => error)).toBe(first);
      }
      expect(disk.operations.length).toBe(operations);
      await sink.close();
    },
  );
});

describe('reopening', () => {
  async function begun(): Promise<{ disk: SimulatedDisk; at: { bytes: number; tail: string } }> {
    const disk = new SimulatedDisk();
    const sink = await open(disk);
    for (const piece of PIECES) await sink.append([bytes(piece)]);
    await sink.flush();
    await sink.close();
    return { disk, at: sink.position };
  }

  test('reads no more than the last block', async () => {
    const { disk, at } = await begun();
    disk.put(PART, `${WHOLE}beyond`);
    const before = disk.operations.length;
    await (await open(disk, at)).close();
    expect(disk.text(PART)).toBe(WHOLE);
    expect(disk.operations.slice(before).filter(({ kind }) => kind === 'read')).toHaveLength(1);
  });

  test.each([
    ['shorter', WHOLE.slice(0, -1), 'has 8009 bytes, and the run had written 8010'],
    [
      'changed before the position',
      `${WHOLE.slice(0, -3)}x${WHOLE.slice(-2)}`,
      'does not hold what the run had written',
    ],
  ])('a file that is %s is refused', async (_, text, message) => {
    const { disk, at } = await begun();
    disk.put(PART, text);
    await expect(open(disk, at)).rejects.toThrow(PipelineMismatchError);
    await expect(open(disk, at)).rejects.toThrow(message);
    expect(disk.text(PART)).toBe(text);
  });

  test('finds the published file of a run that could not store its completion', async () => {
    const { disk, at } = await begun();
    await disk.rename(PART, PATH);
    for (const complete of [true, false]) {
      const again = await open(disk, at, complete);
      expect(again.published).toBe(true);
      await again.publish();
    }
    await disk.unlink(PATH);
    await expect(open(disk, at)).rejects.toThrow('is not there any more');
  });

  test('refuses a target that is longer than what was written', async () => {
    const { disk, at } = await begun();
    await disk.rename(PART, PATH);
    disk.put(PATH, `${WHOLE}x`);
    for (const complete of [true, false])
      await expect(open(disk, at, complete)).rejects.toThrow(PipelineMismatchError);
  });

  test('does not follow a symlink in place of the part file', async () => {
    const { disk, at } = await begun();
    await disk.rename(PART, '/data/elsewhere');
    disk.symlink(PART, '/data/elsewhere');
    await expect(open(disk, at)).rejects.toThrow(SinkError);
    expect(disk.text('/data/elsewhere')).toBe(WHOLE);
  });
});

describe('targets', () => {
  test('a directory and a symlink are refused; a taken name is left alone', async () => {
    const disk = new SimulatedDisk();
    disk.put('/a/b', '');
    const at = (path: string) => FileSink.open({ path, publish: 'rename' }, undefined, false, on(disk));
    await expect(at('/a')).rejects.toThrow(
      'Cannot write to /a: it is a directory; give the path of a file in it.',
    );
    disk.symlink('/link', '/a/b');
    await expect(at('/link')).rejects.toThrow('it is a symbolic link');
    await disk.mkdir('/c.part');
    expect((await at('/c')).position).toMatchObject({ part: SESSION });
    expect(disk.files()).toContain(`/c.${SESSION}.part`);
    disk.put('/d.part', 'of another session');
    expect((await at('/d')).position).toMatchObject({ part: SESSION });
    expect(disk.text('/d.part')).toBe('of another session');
  });

  test('a file system without hard links: the file keeps the name of its session', async () => {
    const disk = new SimulatedDisk();
    disk.link = () => Promise.reject(Object.assign(new Error('not permitted'), { code: 'EPERM' }));
    const sink = await open(disk);
    expect(sink.position.part).toBe(SESSION);
    await sink.append([bytes('x')]);
    await sink.flush();
    await sink.publish();
    expect(disk.files()).toEqual([PATH]);
  });

  test('direct refuses a file that it did not begin, and takes an empty one', async () => {
    const disk = new SimulatedDisk();
    disk.put(PATH, 'precious');
    await expect(open(disk, undefined, false, 'direct')).rejects.toThrow(
      'is not empty, and this run did not begin it',
    );
    expect(disk.text(PATH)).toBe('precious');
    disk.put(PATH, '');
    await (await open(disk, undefined, false, 'direct')).close();
  });

  test('direct: the name of an empty file that a killed process left is made durable first', async () => {
    const before = new SimulatedDisk();
    before.putDirectory('/data');
    const path = '/data/out';
    await (await before.open(path, 'create')).close();
    const disk = before.kill();
    const place = { path, publish: 'direct' } as const;
    const sink = await FileSink.open(place, undefined, false, on(disk));
    await sink.append([bytes('kept')]);
    await sink.flush();
    const { position } = sink;
    const again = await FileSink.open(place, position, false, on(disk.crash()));
    expect(again.bytes).toBe(4);
  });

  test('a published file is durable, flushed before or not', async () => {
    const disk = new SimulatedDisk();
    const sink = await open(disk);
    await sink.append([bytes('x')]);
    await sink.publish();
    expect(disk.crash().text(PATH)).toBe('x');
  });

  test('a part file that was replaced is not published', async () => {
    const disk = new SimulatedDisk();
    const sink = await open(disk);
    await sink.append([bytes('x')]);
    disk.put(PART, 'of another run');
    await expect(sink.publish()).rejects.toThrow('was removed or replaced during the run');
    expect(disk.text(PATH)).toBeUndefined();
    await sink.close();
  });
});
