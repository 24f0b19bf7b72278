/** Entry of the page: over the recording in the file, or over the server that served it. */
import { render } from 'preact';
import { App, Inspector } from './app.js';
import { isExported, openExported } from './memory-feed.js';
import { connect } from './server-feed.js';
import { followTheme } from './theme.js';

async function begin(root: HTMLElement): Promise<void> {
  followTheme();
  const fragment = new URLSearchParams(location.hash.slice(1));
  const place = isExported()
    ? await openExported()
    : await connect(
        new URL(location.href),
        fragment.get('token') ?? '',
        fragment.get('session') ?? undefined,
      );
  const inspector = new Inspector(place);
  const opened = (id: string) => {
    fragment.set('session', id);
    if (!isExported()) history.replaceState(null, '', `#${fragment}`);
  };
  render(<App inspector={inspector} opened={opened} />, root);
  if (place.first !== undefined) await inspector.open(place.first);
}

const root = document.getElementById('app');
if (root !== null)
  begin(root).catch((error: unknown) => {
    const words = error instanceof Error ? error.message : String(error);
    render(<p class="fatal">{words}</p>, root);
  });
