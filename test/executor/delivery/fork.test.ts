/** A fork is an experiment: its output is not delivered, neither by `fork` nor by a `resume` of the fork. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { StateManager } from '../../../src/checkpoint/state-manager.js';
import { lowdbStorage } from '../../../src/checkpoint/storages/lowdb-storage.js';
import { loadPipelineFile } from '../../../src/cli/load-pipeline-file.js';
import { forkSession } from '../../../src/history/fork/fork-session.js';
import { nodeFileSystem } from '../../../src/platform/node-file-system.js';
import { call, folder, rowsText, text } from '../../cli/command.js';

test('a fork delivers nothing, and the session delivers once', async () => {
  const cwd = folder({
    'in.jsonl': rowsText(200),
    'p.mjs': `import { appendFileSync } from 'node:fs';
      import { join } from 'node:path';
      import { map, pipeline } from 'xstate-pipeline';
      import { jsonl } from 'xstate-pipeline/node';
      const at = (name) => join(import.meta.dirname, name);
      const deliver = ({ path }) => appendFileSync(at('delivered.txt'), path + '\\n');
      export default pipeline('p', { batchSize: 10, checkpointInterval: 20, deliver })
        .from(jsonl(at('in.jsonl'))).pipe(map('same', (row) => row)).to(jsonl(at('out.jsonl')));`,
  });
  const run = await call(['run', 'p.mjs', '--quiet'], { cwd });
  expect(run).toMatchObject({ code: 0, stderr: '' });
  const id = /session ([0-9a-f-]{36})/.exec(run.stdout)?.[1] ?? '';
  const delivered = `${join(cwd, 'out.jsonl')}\n`;
  expect(text(cwd, 'delivered.txt')).toBe(delivered);
  expect((await call(['fork', id, '--from', '3', '--quiet'], { cwd })).code).toBe(0);
  expect(text(cwd, 'delivered.txt')).toBe(delivered);

  const stateManager = new StateManager(lowdbStorage(join(cwd, '.xstate-pipeline')));
  const { pipeline } = await loadPipelineFile(join(cwd, 'p.mjs'));
  const { sessionId, output } = await forkSession({
    ...{ stateManager, fileSystem: nodeFileSystem, sessionId: id, pipeline, from: 3 },
    ...{ key: undefined, recording: undefined, to: join(cwd, 'second.jsonl') },
  });
  expect((await call(['resume', sessionId, '--quiet'], { cwd })).code).toBe(0);
  expect(readFileSync(output, 'utf8')).toBe(text(cwd, 'out.jsonl'));
  expect(text(cwd, 'delivered.txt')).toBe(delivered);
});
