/**
 * A budget on the command line (I21): the run pauses with exit code 7, says what was spent and how to continue, and
 * `resume --budget` completes it. Nothing is spent twice.
 */
import { expect, test } from 'vitest';
import { call, expectOneLine, folder, pipelineFile, rowsText, run, text } from '../command.js';

const PAID = `.pipe(defineStage({
  name: 'paid', durable: true, rowsPerCall: 5, estimate: { usd: 0.01 },
  process: async (rows: Row[], { spend }) => { spend({ usd: 0.01 }); return rows; },
}))`;
const project = () =>
  folder({ 'p.ts': pipelineFile(PAID, ', batchSize: 10, budget: { usd: 0.1 }'), 'in.jsonl': rowsText(100) });

test('pauses with 7 and its reason; a larger budget completes the session', async () => {
  const cwd = project();
  const paused = await run(['run', 'p.ts'], { cwd });
  expect(paused.code).toBe(7);
  expect(paused.stdout).toContain('50 rows in, 50 out are saved');
  expect(paused.stdout).toContain('The budget of $0.1000 is reached: $0.1000 spent');
  expect(paused.stdout).toMatch(/^ {2}spent +\$0\.1000, 10 calls$/m);
  expect(paused.stdout).toContain('--budget usd=0.2');
  expect((await call(['show', 'last'], { cwd })).stdout).toMatch(/^spent +\$0\.1000, 10 calls$/m);

  const tight = await run(['resume', 'last', '--budget', 'usd=0.15'], { cwd });
  expect(tight.code).toBe(7);
  expect(tight.stdout).toContain('70 rows in, 70 out are saved');
  const whole = await run(['resume', 'last', '--budget', 'usd=1,calls=20'], { cwd });
  expect(whole.code).toBe(0);
  expect(whole.stdout).toMatch(/^ {2}spent +\$0\.2000, 20 calls$/m);
  expect(text(cwd, 'out.jsonl').trimEnd().split('\n')).toHaveLength(100);
});

test('the budget of a stage is raised by its name', async () => {
  const stage = PAID.replace('estimate', 'budget: { usd: 0.1 }, estimate');
  const cwd = folder({ 'p.ts': pipelineFile(stage, ', batchSize: 10'), 'in.jsonl': rowsText(100) });
  const paused = await run(['run', 'p.ts'], { cwd });
  expect(paused.code).toBe(7);
  expect(paused.stdout).toContain('--budget paid:usd=0.2');
  expect((await run(['resume', 'last', '--budget', 'paid:usd=0.2'], { cwd })).code).toBe(0);
  const stray = await run(['run', 'p.ts', '--budget', 'unpaid:usd=1'], { cwd });
  expect(stray.code).toBe(2);
  expectOneLine(stray, 'The budget names a stage "unpaid", which the pipeline has not. Its stages: paid.');
});

test.each(['usd', 'usd=', 'usd=much', 'usd=-1', 'euros=3', 'paid:', ':usd=1', 'paid:euros=1'])(
  '--budget %s is wrong usage',
  async (budget) => {
    const ended = await call(['run', 'p.ts', '--budget', budget], { cwd: project() });
    expect(ended.code).toBe(2);
    expectOneLine(ended, 'budget');
  },
);

test('--sample says what the rest will cost, and the resume pays for no row twice', async () => {
  const cwd = project();
  const sampled = await run(['run', 'p.ts', '--sample', '20', '--budget', 'usd=1'], { cwd });
  expect(sampled.code).toBe(7);
  expect(sampled.stdout).toMatch(/^ {2}spent +\$0\.0400, 4 calls$/m);
  expect(sampled.stdout).toMatch(/^ {2}the rest +about \d+ rows, \$0\.\d+ \(\$0\.\d+ to \$0\.\d+\), /m);
  const whole = await run(['resume', 'last', '--budget', 'usd=1'], { cwd });
  expect(whole.stdout).toMatch(/^ {2}spent +\$0\.2000, 20 calls$/m);
});
