/**
 * The page that holds Stately's inspector in a frame and forwards the server's messages to it.
 *
 * 1. Forwarding begins when the frame asks for it, and addresses the frame by its exact origin.
 * 2. The token is in the URL's fragment: neither Stately nor a log gets it.
 */
import type { Address } from '../bridge/viewer-server.js';

const SCRIPT = `
const frame = document.querySelector('iframe');
const ui = new URL(frame.dataset.src);
const token = new URLSearchParams(location.hash.slice(1)).get('token');
let socket;
addEventListener('message', ({ source, origin, data }) => {
  if (source !== frame.contentWindow || origin !== ui.origin || data?.type !== '@statelyai.connected') return;
  socket?.close();
  socket = new WebSocket(location.origin.replace(/^http/, 'ws') + '/' + token);
  socket.onmessage = ({ data }) => frame.contentWindow.postMessage(JSON.parse(data), ui.origin);
});
frame.src = ui.href;
`;
const STYLE = 'html,body,iframe{margin:0;border:0;width:100%;height:100%;display:block}';

/** @param ui address of the inspector's page. */
export function statelyPage(ui: URL, { origin }: Address) {
  const html = [
    '<!doctype html>',
    '<html lang="en">',
    '<meta charset="utf-8">',
    '<title>xstate-pipeline in the Stately inspector</title>',
    '<link rel="icon" href="data:,">',
    '<link rel="stylesheet" href="page.css">',
    '<script defer src="page.js"></script>',
    `<iframe title="Stately inspector" data-src="${ui.href.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"></iframe>`,
    '',
  ].join('\n');
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    'img-src data:',
    `frame-src ${ui.origin}`,
    `connect-src ${origin.replace(/^http/, 'ws')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return {
    policy,
    files: {
      '/': ['text/html', html],
      '/page.js': ['text/javascript', SCRIPT],
      '/page.css': ['text/css', STYLE],
    },
  } as const;
}
