/** Serves the inspector for a state directory, asks for its page, and shows an executor to the other viewers. */
import { exportHtml, type InspectorHost, serveInspector } from '@xstate-pipeline/inspector';
import { serveClassic } from '@xstate-pipeline/inspector/classic';
import { serveStately } from '@xstate-pipeline/inspector/stately';
import { map, memoryStorage, PipelineExecutor, StateManager } from 'xstate-pipeline';
import { inspectorHost } from 'xstate-pipeline/node';

const host: InspectorHost = inspectorHost({ stateDir: '.xstate-pipeline' });
const inspector = await serveInspector(host);
const page = await fetch(inspector.url);
const [session] = await host.sessions();
const { html } = await exportHtml(host, session?.id ?? '');
const stages = [map('double', (n: number) => 2 * n)];
const executor = new PipelineExecutor(stages, new StateManager(memoryStorage()));
const bridges = [await serveClassic(executor.actor), await serveStately(executor.actor)];
console.log(
  JSON.stringify([
    page.status,
    html.includes('</html>') || html.length > 1000,
    bridges.map(({ url }) => new URL(url).protocol),
  ]),
);
for (const server of [inspector, ...bridges]) await server.close();
