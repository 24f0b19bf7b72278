/**
 * Pins the exported file: it holds the page and the recording, allows scripts by hash only and no connection, contains no
 * markup of the recording, and is bounded.
 */
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { exportHtml } from '../../src/inspector/export.js';
import { EXPORT_ID, EXPORT_RECORDING_ID, type ExportedSession } from '../../src/inspector/protocol.js';
import { RecordingReader } from '../../src/recording/reader.js';
import { recordedHost, SESSION } from './recorded-host.js';

/** A data block of the file. */
function contentOf(html: string) {
  const block = (id: string) => {
    const [, text = ''] = new RegExp(`<script type="[^"]+" id="${id}">([^<]*)</script>`).exec(html) ?? [];
    return text;
  };
  const exported = JSON.parse(block(EXPORT_ID)) as ExportedSession;
  const recording = gunzipSync(Buffer.from(block(EXPORT_RECORDING_ID), 'base64'));
  const reader = new RecordingReader();
  reader.append(recording);
  return { exported, recording: recording.toString(), reader };
}

test('the file holds the recording, the charts and the checkpoint', async () => {
  const host = await recordedHost();
  const { html, records, omitted } = await exportHtml(host, SESSION);
  const { exported, recording, reader } = contentOf(html);
  expect(recording).toBe(host.recording);
  expect(reader.length).toBe(records);
  expect(omitted).toBeUndefined();
  expect(exported.session.id).toBe(SESSION);
  expect(Object.keys(exported.charts).sort()).toEqual(Object.keys(reader.summary().definitions).sort());
  expect(exported.checkpoint).toEqual(await host.checkpoint(SESSION));
  expect(host.openFeeds).toBe(0);
});

test('a recording that is read slowly, with pauses, is exported whole', async () => {
  const host = await recordedHost();
  const slowHost = {
    sessions: () => host.sessions(),
    command: host.command.bind(host),
    checkpoint: host.checkpoint.bind(host),
    async open(id: string) {
      const { chunks, ...feed } = await host.open(id);
      async function* slowly() {
        for await (const chunk of chunks) {
          yield chunk.subarray(0, 1000);
          // Longer than the silence that was once taken for the end.
          await new Promise((resolve) => setTimeout(resolve, 60));
          yield chunk.subarray(1000);
        }
      }
      return { ...feed, chunks: slowly() };
    },
  };
  const { html } = await exportHtml(slowHost, SESSION);
  expect(contentOf(html).recording).toBe(host.recording);
});

test('its policy allows one script, one style and no connection', async () => {
  const { html } = await exportHtml(await recordedHost(), SESSION);
  const [, policy = ''] = /http-equiv="content-security-policy" content="([^"]+)"/.exec(html) ?? [];
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|connect-src|https?:/);
  for (const [tag, directive] of [
    ['script', 'script-src'],
    ['style', 'style-src'],
  ]) {
    const [, text = ''] = new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(html) ?? [];
    const hash = createHash('sha256').update(text).digest('base64');
    expect(policy).toContain(`${directive} 'sha256-${hash}'`);
  }
  expect(html.indexOf('content-security-policy')).toBeLessThan(html.indexOf('<link'));
});

test('nothing of a session becomes markup', async () => {
  const { html } = await exportHtml(await recordedHost(), SESSION);
  const [markup = ''] = html.split(`<script type="application/json"`);
  expect(markup).toContain('<title>double &lt;b> 11111111</title>');
  expect(html).not.toContain('</script><b>');
});

test('segments that do not fit are left out of the middle, and the file says so', async () => {
  const host = await recordedHost({ count: 3000, segmentLength: 20_000 });
  const whole = contentOf((await exportHtml(host, SESSION)).html);
  const { html, records, omitted } = await exportHtml(host, SESSION, { maxBytes: 20_000 });
  const { exported, reader } = contentOf(html);
  expect(reader.length).toBe(records);
  expect(omitted).toBe(
    `${whole.reader.length - records} records in the middle are left out to bound the size of the file.`,
  );
  expect(exported.omitted).toBe(omitted);
  expect(reader.record(0)).toEqual(whole.reader.record(0));
  expect(reader.record(records - 1)).toEqual(whole.reader.record(whole.reader.length - 1));
  expect(reader.summary().marks.map(({ kind }) => kind)).toContain('gap');
  expect(reader.frameAt(records - 1).actors).toEqual(whole.reader.frameAt(whole.reader.length - 1).actors);
  const [, recording = ''] = html.split(`id="${EXPORT_RECORDING_ID}">`);
  expect(recording.indexOf('<')).toBeLessThanOrEqual(20_000);
});

test('an unknown session cannot be exported', async () => {
  await expect(exportHtml(await recordedHost(), 'unknown')).rejects.toThrow('No session unknown.');
});
