/** The keys of the page. A focused field, list or button keeps its own keys. */

export interface Keys {
  step(way: 1 | -1): void;
  jump(way: 1 | -1): void;
  start(): void;
  end(): void;
  toggle(): void;
  follow(): void;
  search(): void;
  sessions(): void;
  theme(): void;
  help(): void;
}

export const KEY_HELP: readonly (readonly [keys: string, what: string])[] = [
  ['← →', 'Previous or next event'],
  ['Shift ← →', 'Previous or next mark: pause, restart, failure, end'],
  ['Home, End', 'Start, end'],
  ['Space', 'Play, stop'],
  ['L', 'Follow the running session'],
  ['↑ ↓', 'Previous or next row of the events'],
  ['/', 'Search the events'],
  ['S', 'Sessions'],
  ['T', 'Light or dark colours'],
  ['?', 'This help'],
];

export function listenToKeys(keys: Keys): () => void {
  const listener = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || document.querySelector('dialog[open]') !== null) return;
    if (event.key === ' ' && event.target instanceof HTMLButtonElement) return;
    if (!act(event, keys)) return;
    event.preventDefault();
  };
  addEventListener('keydown', listener);
  return () => removeEventListener('keydown', listener);
}

function act({ key, shiftKey }: KeyboardEvent, keys: Keys): boolean {
  const actions: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => (shiftKey ? keys.jump(-1) : keys.step(-1)),
    ArrowRight: () => (shiftKey ? keys.jump(1) : keys.step(1)),
    Home: keys.start,
    End: keys.end,
    ' ': keys.toggle,
    l: keys.follow,
    '/': keys.search,
    s: keys.sessions,
    t: keys.theme,
    '?': keys.help,
  };
  const action = Object.hasOwn(actions, key) ? actions[key] : undefined;
  action?.();
  return action !== undefined;
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLInputElement ||
    target instanceof HTMLSelectElement ||
    target instanceof HTMLTextAreaElement
  );
}
