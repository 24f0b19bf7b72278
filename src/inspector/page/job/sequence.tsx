/** A sequence diagram of the last messages up to the moment: one lifeline an actor, one row a message. */
import type { Session } from '../session.js';
import { clock } from '../view/format.js';
import { messagesAround, OUTSIDE } from '../view/messages.js';

const [LEFT, COLUMN, ROW, HEAD] = [92, 132, 26, 34];

export function Sequence({ session }: { readonly session: Session }) {
  const shown = session.shown.value;
  if (shown === null) return null;
  const messages = messagesAround(shown.frame, shown.recent, session.summary.value.stages);
  if (messages.length === 0) return <p class="empty">No message just before this moment.</p>;
  const names = [...new Set(messages.flatMap(({ from, to }) => [from, to]))].sort(
    (a, b) => Number(b === OUTSIDE) - Number(a === OUTSIDE),
  );
  const xOf = (name: string) => LEFT + (names.indexOf(name) + 0.5) * COLUMN;
  const width = LEFT + names.length * COLUMN;
  const height = HEAD + messages.length * ROW + 8;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must take the keyboard.
    <section class="sequence" tabIndex={0} aria-label="Sequence diagram">
      {/* biome-ignore lint/a11y/useSemanticElements: a drawing in SVG has no element of its own. */}
      <svg
        width={width}
        height={height}
        viewBox={`0 0 ${width} ${height}`}
        role="group"
        aria-label="Messages between actors"
      >
        {names.map((name) => (
          <g key={name} class="lifeline">
            <path d={`M${xOf(name)} ${HEAD - 8}V${height}`} />
            <text x={xOf(name)} y={16} text-anchor="middle">
              {name.replace(/^stage:/, '').slice(0, 18)}
            </text>
          </g>
        ))}
        {messages.map((message, i) => {
          const y = HEAD + i * ROW + 16;
          const [a, b] = [xOf(message.from), xOf(message.to)];
          const isSelf = a === b;
          const way = b > a ? 1 : -1;
          return (
            // biome-ignore lint/a11y/useSemanticElements: SVG has no button.
            <g
              key={message.index}
              class={message.index === shown.frame.index ? 'message-line now' : 'message-line'}
              role="button"
              tabIndex={0}
              onClick={() => session.seek(message.index)}
              onKeyDown={(event) => {
                if (event.key !== 'Enter') return;
                event.stopPropagation();
                session.seek(message.index);
              }}
            >
              <rect class="hit" x={0} y={y - 18} width={width} height={ROW} />
              <text class="when" x={4} y={y - 1}>
                {clock(message.at)}
              </text>
              <path
                d={
                  isSelf
                    ? `M${a} ${y - 6}h18v8h-16`
                    : `M${a} ${y}H${b - way * 5}M${b} ${y}l${-way * 6} -3.5v7z`
                }
              />
              <text
                class="say"
                x={isSelf ? a + 22 : (a + b) / 2}
                y={y - 4}
                text-anchor={isSelf ? 'start' : 'middle'}
              >
                {message.text.slice(0, 34)}
              </text>
            </g>
          );
        })}
      </svg>
    </section>
  );
}
