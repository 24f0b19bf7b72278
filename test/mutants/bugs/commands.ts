/** Seeded bugs: commands and what they return. */
import { assertLegal } from '../../../src/executor/commands.js';
import { PipelineExecutor } from '../../../src/executor/pipeline-executor.js';
import { originalError } from '../../../src/executor/receipts.js';
import type { Bug } from '../seeded-bug.js';

export const BUGS: readonly Bug[] = [
  {
    name: 'command-ignored',
    what: 'a command that is not legal is passed on, and ignored',
    invariant: 'I2',
    in: assertLegal,
    find: 'if (!$legal.includes($command)) throw $illegal;',
    replace: '',
    suite: 'test/executor/commands.test.ts',
  },
  {
    name: 'resume-while-running',
    what: 'resume with an id is not refused while another session runs',
    invariant: 'I2',
    in: PipelineExecutor,
    find: "if ($id === undefined || $state !== 'IDLE') throw $illegal;",
    replace: 'if ($id === undefined) throw $illegal;',
    suite: 'test/executor/commands.test.ts',
  },
  {
    name: 'error-replaced',
    what: 'a run rejects with an error of ours instead of the original',
    invariant: 'I12',
    in: originalError,
    find: 'return $thrown ?? new Error($$args);',
    replace: 'return new Error($$args);',
    suite: 'test/executor/session/failure.test.ts',
  },
  {
    name: 'own-id',
    what: 'the id of the session is not the injected one',
    invariant: 'I14',
    in: PipelineExecutor,
    find: '{ sessionId: $id, pipeline: $name, $$rest }',
    replace: '{ sessionId: crypto.randomUUID(), pipeline: $name, $$rest }',
    suite: 'test/executor/determinism.test.ts',
  },
];
