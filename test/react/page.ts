/** The page of the React tests: components that run a pipeline, and that follow one elsewhere. */
import { createElement as h, StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { collect, defineStage, pipeline, rows } from 'xstate-pipeline';
import { useEvents, usePipeline, useProgress, useRemoteProgress } from 'xstate-pipeline/react';

/** What the stage has done, and how to let it continue. */
const stage = { started: 0, aborted: 0, release: () => {} };

function slow() {
  return pipeline('slow', { batchSize: 10 })
    .from(rows(Array.from({ length: 30 }, (_, n) => ({ n }))))
    .pipe(
      defineStage({
        name: 'wait',
        process: async (batch: { n: number }[], { signal }) => {
          stage.started += 1;
          await new Promise<void>((resolve, reject) => {
            stage.release = resolve;
            signal.addEventListener('abort', () => {
              stage.aborted += 1;
              reject(signal.reason);
            });
          });
          if (batch[0]?.n === 20 && location.hash === '#fails') throw new Error('no luck');
          return batch;
        },
      }),
    )
    .to(collect());
}

function Run({ autoStart }: { autoStart: boolean }) {
  const run = usePipeline(slow, { autoStart });
  const { rowsIn } = useProgress(run.executor);
  const events = useEvents(run.executor, { filter: ({ type }) => type.startsWith('pipeline.') });
  const button = (name: 'execute' | 'pause' | 'resume' | 'cancel') =>
    h('button', { type: 'button', id: name, onClick: () => run[name](), disabled: !run.can(name) }, name);
  return h(
    'section',
    null,
    ...(['execute', 'pause', 'resume', 'cancel'] as const).map(button),
    h('p', { id: 'state' }, run.state),
    h('p', { id: 'rows' }, String(rowsIn)),
    h('p', { id: 'events' }, events.map(({ type }) => type).join(' ')),
    h('p', { id: 'result' }, run.result === undefined ? '' : String(run.result.metrics.rowsOut)),
    h('p', { id: 'error' }, run.error === undefined ? '' : String(run.error)),
  );
}

function Remote({ url }: { url: string }) {
  const { status, progress, events, missed } = useRemoteProgress(url);
  return h(
    'section',
    null,
    h('p', { id: 'status' }, status),
    h('p', { id: 'remote-rows' }, String(progress?.rowsOut ?? '')),
    h('p', { id: 'remote-events' }, `${events.length} ${missed}`),
  );
}

function App({ what, url }: { what: string; url: string }) {
  const [isShown, setShown] = useState(true);
  const shown = what === 'remote' ? h(Remote, { url }) : h(Run, { autoStart: what === 'auto' });
  return h(
    'main',
    null,
    h('button', { type: 'button', id: 'toggle', onClick: () => setShown(!isShown) }, 'toggle'),
    isShown && shown,
  );
}

const parameters = new URLSearchParams(location.search);
const root = createRoot(document.body.appendChild(document.createElement('div')));
root.render(
  h(
    StrictMode,
    null,
    h(App, { what: parameters.get('what') ?? '', url: parameters.get('url') ?? '/progress' }),
  ),
);
Object.assign(globalThis, { stage });
