/** Serves a recorded host, one inspector at a time. */
import { type Inspector, type InspectorOptions, serveInspector } from '../../src/inspector/server/serve.js';
import { type RecordedHost, recordedHost } from './recorded-host.js';

export let inspector: Inspector;
export let host: RecordedHost;

/** @returns its address. */
export async function serve(options: InspectorOptions = {}): Promise<string> {
  host = await recordedHost();
  inspector = await serveInspector(host, options);
  return inspector.url;
}
