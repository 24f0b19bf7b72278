/**
 * The page as HTML: served, and as one file that holds a recording.
 *
 * 1. The served page has no inline script or style. A file has only inline ones: its policy names them by hash and
 *    allows no connection.
 * 2. A recording never becomes markup: it is in data blocks, base64 or JSON without `<`.
 */
import { createHash } from 'node:crypto';
import { EXPORT_ID, EXPORT_RECORDING_ID, type ExportedSession } from '../protocol.js';
import type { PageAssets } from './assets.js';

const ROOT = '<div id="app"></div>';
const HEAD = [
  '<!doctype html>',
  '<html lang="en">',
  '<meta charset="utf-8">',
  '<meta name="viewport" content="width=device-width, initial-scale=1">',
  '<meta name="color-scheme" content="light dark">',
];
const ICON = '<link rel="icon" href="data:,">';

export const servedHtml = [
  ...HEAD,
  ICON,
  '<title>xstate-pipeline inspector</title>',
  '<link rel="stylesheet" href="page.css">',
  '<script defer src="page.js"></script>',
  ROOT,
  '',
].join('\n');

/** @param origin of the server, which the page may connect to. */
export function servedPolicy(origin: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    'img-src data:',
    `connect-src ${origin.replace(/^http/, 'ws')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
}

/** @param recording gzip, base64. */
export function exportedHtml(exported: ExportedSession, recording: string, { js, css }: PageAssets): string {
  const script = js.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
  const style = css.replaceAll('</style', '<\\/style');
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
  const facts = JSON.stringify(exported).replaceAll('<', '\\u003c');
  return [
    ...HEAD,
    `<meta http-equiv="content-security-policy" content="${policy}">`,
    ICON,
    `<title>${escaped(exported.session.pipeline)} ${escaped(exported.session.id.slice(0, 8))}</title>`,
    `<style>${style}</style>`,
    ROOT,
    `<script type="application/json" id="${EXPORT_ID}">${facts}</script>`,
    `<script type="application/octet-stream" id="${EXPORT_RECORDING_ID}">${recording}</script>`,
    `<script>${script}</script>`,
    '',
  ].join('\n');
}

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
