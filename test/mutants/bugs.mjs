/**
 * Bugs to put in on purpose: each is one small change of one source, with the one suite that has to notice.
 *
 * The text to replace must stand in the file exactly once; where it does not, the entry is stale.
 */

/**
 * @typedef {object} Bug
 * @property {string} name  To run it alone.
 * @property {string} what
 * @property {string} invariant
 * @property {string} file
 * @property {string} search
 * @property {string} replace
 * @property {string} suite
 */

const EVERY_OPERATION = 'test/crash/every-operation.test.ts';
const COMMIT_ORDER = 'test/executor/commit-order.test.ts';
const CRASH_POINTS = 'test/checkpoint/crash-points.test.ts';
const JOURNAL_DAMAGE = 'test/checkpoint/journal-damage.test.ts';
const FILE_SINK = 'test/sinks/file-sink.test.ts';
const MACHINE = 'test/machines/executor.machine.test.ts';

/** @type {readonly Bug[]} */
export const BUGS = [
  {
    name: 'no-truncation',
    what: 'the output is not cut back when it is reopened',
    invariant: 'I7',
    file: 'src/sinks/working-file.ts',
    search: 'await handle.truncate(at.bytes);',
    replace: '',
    suite: FILE_SINK,
  },
  {
    name: 'save-before-flush',
    what: 'the checkpoint is saved before the sink is flushed',
    invariant: 'I6',
    file: 'src/executor/run.ts',
    search: 'const flushed = [sink.flush(), deadLetters.flush(), this.recording?.flush()] as const;',
    replace:
      'const flushed = [sink.position, deadLetters.flush(), undefined] as const;\n      sink.flush().catch(() => {});',
    suite: COMMIT_ORDER,
  },
  {
    name: 'no-directory-fsync',
    what: 'the directory is not fsynced after the rename of a checkpoint',
    invariant: 'I6',
    file: 'src/checkpoint/durable-text-file.ts',
    search: 'await this.fileSystem.syncDirectory(dirname(this.path));',
    replace: 'dirname(this.path);',
    suite: CRASH_POINTS,
  },
  {
    name: 'no-checkpoint-fsync',
    what: 'the file of a checkpoint is not fsynced',
    invariant: 'I6',
    file: 'src/checkpoint/durable-text-file.ts',
    search: 'await handle.sync();',
    replace: '',
    suite: CRASH_POINTS,
  },
  {
    name: 'torn-tail',
    what: 'the torn tail of the journal is kept',
    invariant: 'I8',
    file: 'src/checkpoint/journal-recovery.ts',
    search: 'if (isTorn) await handle.truncate(segment.size);',
    replace: 'void isTorn;',
    suite: JOURNAL_DAMAGE,
  },
  {
    name: 'journal-crc',
    what: 'the checksum of a journal record is not checked at opening',
    invariant: 'I9',
    file: 'src/checkpoint/journal-scan.ts',
    search: 'if (crc !== header.payloadCrc) return',
    replace: 'if (crc === -2) return',
    suite: JOURNAL_DAMAGE,
  },
  {
    name: 'past-a-gap',
    what: 'the watermark passes a gap',
    invariant: 'I4, I5',
    file: 'machines/decisions.ts',
    search: 'if (entry.at !== end) break;',
    replace: 'if (entry.at !== end) continue;',
    suite: 'test/machines/watermark.test.ts',
  },
  {
    name: 'journal-ignored',
    what: 'the journal is not asked on resume: a second invocation',
    invariant: 'I8',
    file: 'src/executor/data-plane.ts',
    search: 'if (this.options.journal !== undefined) await',
    replace: 'if (Number.isNaN(index) && this.options.journal !== undefined) await',
    suite: EVERY_OPERATION,
  },
  {
    name: 'before-durable',
    what: 'a journal record is passed on before it is durable',
    invariant: 'I8',
    file: 'src/executor/data-plane.ts',
    search: 'return journal.append({ stage: stage.name, batch: batch.index }, record.payload).then(() => {',
    replace:
      'journal.append({ stage: stage.name, batch: batch.index }, record.payload).catch(() => {});\n' +
      '    return Promise.resolve().then(() => {',
    suite: EVERY_OPERATION,
  },
  {
    name: 'no-previous',
    what: 'the checkpoint before the newest is not kept',
    invariant: 'I9',
    file: 'src/checkpoint/lowdb-storage.ts',
    search: 'await this.fileSystem.rename(path(NEWEST), path(PREVIOUS));',
    replace: 'void PREVIOUS;',
    suite: 'test/checkpoint/storage.test.ts',
  },
  {
    name: 'publish-without-fsync',
    what: 'the part file is published without an fsync',
    invariant: 'I19',
    file: 'src/sinks/file-sink.ts',
    search: 'await handle.sync();',
    replace: '',
    suite: FILE_SINK,
  },
  {
    name: 'observer-errors',
    what: 'errors of observers are not caught',
    invariant: 'I11',
    file: 'src/observers/event-bus.ts',
    search: 'this.events$ = guard(this.#subject, (error) => {',
    replace: 'this.events$ = this.#subject;\n    guard(this.#subject, (error) => {',
    suite: 'test/observers/event-bus.test.ts',
  },
  {
    name: 'unbounded-window',
    what: 'the window has no bound',
    invariant: 'I13',
    file: 'machines/decisions.ts',
    search: 'return context.window.length < context.settings.maxInFlight;',
    replace: 'return true;',
    suite: MACHINE,
  },
  {
    name: 'pause-without-draining',
    what: 'a pause does not wait for what is in flight',
    invariant: 'I16',
    file: 'machines/decisions.ts',
    search: 'return pausing && isDrained(context) && ',
    replace: 'return pausing && ',
    suite: MACHINE,
  },
  {
    name: 'late-answer',
    what: 'the late answer of an ended attempt is accepted',
    invariant: 'I17',
    file: 'src/executor/attempts.ts',
    search: 'if (this.#isAborted || this.#running.get(key) !== running) return false;',
    replace: 'if (this.#isAborted) return false;',
    suite: COMMIT_ORDER,
  },
  {
    name: 'trim-too-far',
    what: 'the journal is trimmed one batch too far',
    invariant: 'I8',
    file: 'src/executor/run.ts',
    search: 'await journal?.trim(this.#coveredBefore);',
    replace: 'await journal?.trim(mark.batches + 1);',
    suite: COMMIT_ORDER,
  },
  {
    name: 'trim-before-save',
    what: 'the journal is trimmed before the checkpoint is saved',
    invariant: 'I6, I8',
    file: 'src/executor/run.ts',
    search: 'const mark = await this.writer.save();',
    replace:
      'const { context } = this.actor.getSnapshot() as { context: { flushed: Mark } };\n' +
      '      await journal?.trim(context.flushed.batches);\n' +
      '      const mark = await this.writer.save();',
    suite: EVERY_OPERATION,
  },
  {
    name: 'children-unchecked',
    what: 'the children of a snapshot are not checked',
    invariant: 'I9, I18',
    file: 'machines/restore.ts',
    search: 'checkChildren(snapshot.children, names);',
    replace: 'void checkChildren;',
    suite: 'test/machines/restore.test.ts',
  },
  {
    name: 'position-after-flush',
    what: 'the position is read after the flush, not before it',
    invariant: 'I6, I7',
    file: 'src/sinks/jsonl.ts',
    search: 'const { position } = this.#file;\n    await this.#file.flush();',
    replace: 'await this.#file.flush();\n    const { position } = this.#file;',
    suite: 'test/sinks/flush-position.test.ts',
  },
];
