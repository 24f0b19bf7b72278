/** The dock at the bottom of the page: throughput, slider and playback buttons. */
import { useMemo } from 'preact/hooks';
import type { Player } from '../player.js';
import { SPEEDS } from '../player.js';
import type { Session } from '../session.js';
import { clock, day, moment } from '../view/format.js';
import { throughput } from '../view/throughput.js';
import { drawnMarks } from '../view/timeline.js';
import { Icon } from './icon.js';
import { Plot } from './plot.js';
import { Slider } from './slider.js';

interface Props {
  readonly session: Session;
  readonly player: Player;
  readonly theme: string;
}

const INSET = 44;

export function TimelineDock({ session, player, theme }: Props) {
  const summary = session.summary.value;
  const line = session.line.value;
  const curve = useMemo(() => throughput(summary.series, line), [summary.series, line]);
  const marks = useMemo(() => drawnMarks(summary.marks, line, 0.004), [summary.marks, line]);
  const at = session.shown.value?.frame.at;
  const cursor = session.cursor.value;
  const records = session.records.value;
  const playing = player.playing.value;
  const following = session.following.value;
  return (
    <section class="dock" aria-label="Time">
      <Slider session={session} marks={marks}>
        <Plot curve={curve} line={line} marks={marks} theme={theme} inset={INSET} />
      </Slider>
      <div class="keys">
        <div class="where">
          <time title={at === undefined ? '' : moment(at)}>{at === undefined ? '–' : clock(at)}</time>
          <small class="day">{at === undefined ? '' : day(at)}</small>
          <small>
            {records === 0
              ? 'no records'
              : `${(cursor + 1).toLocaleString('en')} of ${records.toLocaleString('en')}`}
          </small>
        </div>
        <div class="transport" role="toolbar" aria-label="Playback">
          <Key icon="start" label="To the start (Home)" act={() => session.seek(0)} />
          <Key icon="previous-mark" label="Previous mark (Shift+Left)" act={() => session.jump(-1)} />
          <Key icon="back" label="Previous event (Left)" act={() => session.step(-1)} />
          <Key
            icon={playing ? 'stop' : 'play'}
            label={playing ? 'Stop (Space)' : 'Play (Space)'}
            act={() => player.toggle()}
            big
          />
          <Key icon="forward" label="Next event (Right)" act={() => session.step(1)} />
          <Key icon="next-mark" label="Next mark (Shift+Right)" act={() => session.jump(1)} />
          <Key icon="end" label="To the end (End)" act={() => session.follow()} />
        </div>
        <div class="pace">
          <select
            aria-label="Playback speed"
            value={String(player.speed.value)}
            onChange={(event) => player.choose(Number(event.currentTarget.value))}
          >
            {SPEEDS.map((speed) => (
              <option key={speed} value={String(speed)}>{`${speed}×`}</option>
            ))}
          </select>
          <button
            type="button"
            class={following ? 'live on' : 'live'}
            aria-pressed={following}
            disabled={!session.live.value}
            title={session.live.value ? 'Follow the end (L)' : 'No process runs this session'}
            onClick={() => session.follow()}
          >
            Live
          </button>
        </div>
      </div>
    </section>
  );
}

interface KeyProps {
  readonly icon: string;
  readonly label: string;
  readonly act: () => unknown;
  readonly big?: boolean;
}

function Key({ icon, label, act, big = false }: KeyProps) {
  return (
    <button
      type="button"
      class={big ? 'key big' : 'key'}
      aria-label={label}
      title={label}
      onClick={() => void act()}
    >
      <Icon name={icon} />
    </button>
  );
}
