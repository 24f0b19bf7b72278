/**
 * `run --otel`: spans reach the SDK that the process has loaded, and `--json` has the trace id. Without an SDK it is refused, with the
 * advice how to load one.
 */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { folder, start } from './command.js';

const PIPELINE = `import { map, pipeline } from 'xstate-pipeline';
import { jsonl } from 'xstate-pipeline/node';
export default pipeline('traced').from(jsonl('in.jsonl')).pipe(map('same', async (row) => row)).to(jsonl('out.jsonl'));
`;
const SDK = `import { trace } from '@opentelemetry/api';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
const exporter = {
  export(spans, done) {
    for (const span of spans) console.error('span', span.name, span.spanContext().traceId);
    done({ code: 0 });
  },
  shutdown: async () => {},
};
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
`;

function project(): string {
  const cwd = folder({ 'p.mjs': PIPELINE, 'in.jsonl': '{"n":1}\n', 'sdk.mjs': SDK });
  symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(cwd, 'node_modules'));
  return cwd;
}

test('spans of a run have the session’s trace id, which every line of --json has', async () => {
  const env = { NODE_OPTIONS: '--import ./sdk.mjs' };
  const { code, stdout, stderr } = await start(['run', 'p.mjs', '--otel', '--json'], { cwd: project(), env })
    .ended;
  expect(code, stderr).toBe(0);
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const traceId = events[0].sessionId.replaceAll('-', '');
  expect(new Set(events.map((event) => event.traceId))).toEqual(new Set([traceId]));
  expect(stderr).toContain(`span stage same ${traceId}`);
  expect(stderr).toContain(`span pipeline traced ${traceId}`);
});

test('without an SDK it is refused, with an advice', async () => {
  const { code, stderr } = await start(['run', 'p.mjs', '--otel'], { cwd: project() }).ended;
  expect({ code, stderr }).toMatchObject({
    stderr: expect.stringMatching(
      /^error: --otel needs an OpenTelemetry SDK in this process\. Load one with NODE_OPTIONS=.*\n$/,
    ),
  });
  expect(code).toBe(2);
});
