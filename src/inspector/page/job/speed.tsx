/** How long batches, commits and checkpoints took up to the moment: percentiles, and a histogram on one scale. */
import type { Durations } from '../../job/histogram.js';
import type { Session } from '../session.js';
import { bytes, count, duration } from '../view/format.js';

interface Line {
  readonly name: string;
  readonly times: Durations;
  readonly note: string;
}

export function Speed({ session }: { readonly session: Session }) {
  const figures = session.figures.value;
  if (figures === null) return <p class="empty">Counting …</p>;
  const { stages, fsync, checkpoint, checkpointBytes } = figures;
  const lines: Line[] = stages.map(({ stage, latency, retries, deferred, fromJournal }) => ({
    name: stage,
    times: latency,
    note: [
      retries > 0 ? `${count(retries)} failed attempts` : '',
      deferred > 0 ? `${count(deferred)} waits for a permit` : '',
      fromJournal > 0 ? `${count(fromJournal)} from the journal` : '',
    ]
      .filter((part) => part !== '')
      .join(', '),
  }));
  const disk: Line[] = [
    { name: 'Output fsync', times: fsync, note: 'at each commit' },
    { name: 'Checkpoint', times: checkpoint, note: checkpointBytes > 0 ? bytes(checkpointBytes) : '' },
  ];
  const all = [...lines, ...disk].flatMap(({ times }) => times.buckets.map(([upTo]) => upTo));
  const scale: Scale = [Math.min(...all, 1), Math.max(...all, 1000)];
  return (
    <div class="speed">
      <Table title="Time of a batch, by stage" unit="batches" lines={lines} scale={scale} />
      <Table title="Time of writing to the disk" unit="times" lines={disk} scale={scale} />
      <p class="about">
        Percentiles are exact to a tenth. Rows a second over time are the curve at the bottom of the page.
      </p>
    </div>
  );
}

type Scale = readonly [lowMs: number, highMs: number];

interface TableProps {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly Line[];
  readonly scale: Scale;
}

function Table({ title, unit, lines, scale }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must take the keyboard.
    <section class="table-box" tabIndex={0} aria-label={title}>
      <table>
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">{unit}</th>
            <th scope="col">p50</th>
            <th scope="col">p95</th>
            <th scope="col">p99</th>
            <th scope="col">max</th>
            <th scope="col" class="wide">
              {`${duration(scale[0])} to ${duration(scale[1])}`}
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.map(({ name, times, note }) => (
            <tr key={name}>
              <th scope="row">
                <span class="name" title={name}>
                  {name}
                </span>
                {note !== '' && <small>{note}</small>}
              </th>
              <td>{count(times.count)}</td>
              {[times.p50, times.p95, times.p99, times.maxMs].map((ms, i) => (
                <td key={i}>{times.count === 0 ? '–' : duration(ms)}</td>
              ))}
              <td class="wide">
                <Bars times={times} scale={scale} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const [WIDTH, HEIGHT] = [180, 26];

function Bars({ times, scale: [low, high] }: { readonly times: Durations; readonly scale: Scale }) {
  const most = Math.max(1, ...times.buckets.map(([, count]) => count));
  const x = (ms: number) => (Math.log(ms / low) / Math.log(high / low || 2)) * (WIDTH - 5);
  return (
    <svg class="bars" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
      <path d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
      {times.buckets.map(([upTo, count]) => {
        const tall = Math.max(1.5, (count / most) * (HEIGHT - 2));
        return <rect key={upTo} x={Math.max(0, x(upTo))} y={HEIGHT - tall} width={4} height={tall} />;
      })}
    </svg>
  );
}
