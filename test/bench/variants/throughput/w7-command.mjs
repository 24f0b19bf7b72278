/** W7: W1 by the command line; figures of the whole process, its start included. */
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { writePipelineFile } from '../orders/pipeline-file.mjs';

const COMMAND = fileURLToPath(new URL('../../../../dist/src/cli/main.js', import.meta.url));

/** @param {{ input: string, output: string, dir: string, words: string[] }} params */
export async function run({ input, output, dir, words }) {
  const file = fileURLToPath(writePipelineFile('W1', { input, output, dir }));
  const before = performance.now();
  const child = spawn(process.execPath, [COMMAND, 'run', file, '--state-dir', `${dir}/state`, ...words], {
    ...{ cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] },
  });
  child.stdout.pipe(createWriteStream(`${dir}/stdout`));
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text;
    const [url] = /http:\S+#\S+/.exec(errors) ?? [];
    if (url !== undefined) viewer ??= look(url);
  });
  /** @type {{ frames: number } | undefined} */
  let viewer;
  let peakMb = 0;
  let seconds = Number.NaN;
  const watch = setInterval(() => {
    peakMb = peakOf(child.pid) ?? peakMb;
    // The process stays while a viewer is connected: the run is over when its output has its name.
    if (viewer === undefined || !existsSync(output)) return;
    seconds = (performance.now() - before) / 1000;
    child.kill('SIGKILL');
  }, 20);
  const code = await new Promise((done, fail) => child.on('error', fail).on('close', done));
  clearInterval(watch);
  if (Number.isNaN(seconds)) seconds = (performance.now() - before) / 1000;
  else {
    const { frames = 0 } = viewer ?? {};
    if (frames === 0 && seconds > 3) throw new Error('the inspector showed the viewer nothing');
    return { seconds, cpuSeconds: childrensCpu(), peakMb, frames };
  }
  if (code !== 0) throw new Error(`run ended with ${code}: ${errors}`);
  if (words.includes('--inspect')) throw new Error(`the page was not served: ${errors}`);
  return { seconds, cpuSeconds: childrensCpu(), peakMb };
}

/**
 * A page as the inspector's server sees it: opens the session and asks for the newest frame ten times a second.
 * @param {string} url
 */
function look(url) {
  const { host, origin, hash } = new URL(url);
  const fragment = new URLSearchParams(hash.slice(1));
  const socket = new WebSocket(`ws://${host}/feed`, { origin });
  let id = 0;
  /** @param {object} request */
  const ask = (request) => socket.send(JSON.stringify({ id: id++, ...request }));
  let session = '';
  let newest = 0;
  const seen = { frames: 0 };
  socket.on('open', () => ask({ type: 'hello', token: fragment.get('token'), protocol: 1 }));
  socket.on('message', (data) => {
    const message = JSON.parse(String(data));
    if (message.type === 'grown') newest = message.records;
    if (message.result !== undefined && message.id > 1) seen.frames += 1;
    if (message.id !== 0) return;
    session = message.result?.session ?? fragment.get('session');
    ask({ type: 'open', session });
    setInterval(() => ask({ type: 'frame', session, index: Math.max(0, newest - 1) }), 100).unref();
  });
  socket.on('error', () => {});
  return seen;
}

/** The highest resident size so far, on Linux. @param {number | undefined} pid */
function peakOf(pid) {
  try {
    const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
  } catch {
    return undefined;
  }
}

/** Processor time of the children that have ended, on Linux: cutime and cstime of proc(5), in hundredths of a second. */
function childrensCpu() {
  try {
    const text = readFileSync('/proc/self/stat', 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[13]) + Number(fields[14])) / 100;
  } catch {
    return Number.NaN;
  }
}
