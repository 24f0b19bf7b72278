/** Entry of the page: over the recording in the file, or over the server that served it. */
import { effect } from '@preact/signals';
import { render } from 'preact';
import { App, Inspector } from './app.js';
import { isExported, openExported } from './memory-feed.js';
import { indexIn } from './selection.js';
import { connect } from './server-feed.js';
import { followTheme } from './theme.js';

/** Browsers limit how often an address may change. */
const ADDRESS_MS = 300;

const fragmentOf = () => new URLSearchParams(location.hash.slice(1));

async function begin(root: HTMLElement): Promise<void> {
  followTheme();
  const fragment = fragmentOf();
  const wanted = fragment.get('session') ?? undefined;
  const place = isExported()
    ? await openExported()
    : await connect(new URL(location.href), fragment.get('token') ?? '', wanted);
  const inspector = new Inspector(place);
  inspector.selection.read(fragment);
  render(<App inspector={inspector} />, root);
  const first = isExported() ? place.first : (wanted ?? place.first);
  if (first !== undefined) await inspector.open(first, indexIn(fragment, 'at'));
  keepAddress(inspector);
}

/** The address says what is shown, and a changed address is shown. */
function keepAddress(inspector: Inspector): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const session = inspector.session.value;
    const fragment = fragmentOf();
    inspector.selection.write(fragment);
    fragment.delete('at');
    if (session !== null) {
      if (!isExported()) fragment.set('session', session.feed.session);
      const { value: cursor } = session.cursor;
      if (cursor < session.end) fragment.set('at', String(cursor));
    }
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (`#${fragment}` !== location.hash) history.replaceState(null, '', `#${fragment}`);
    }, ADDRESS_MS);
  });
  addEventListener('hashchange', () => {
    const fragment = fragmentOf();
    inspector.selection.read(fragment);
    const at = indexIn(fragment, 'at');
    const id = fragment.get('session') ?? inspector.place.first;
    const session = inspector.session.value;
    if (id !== undefined && id !== session?.feed.session) void inspector.open(id, at);
    else if (at === undefined) session?.follow();
    else session?.seek(at);
  });
}

const root = document.getElementById('app');
if (root !== null)
  begin(root).catch((error: unknown) => {
    const words = error instanceof Error ? error.message : String(error);
    render(<p class="fatal">{words}</p>, root);
  });
