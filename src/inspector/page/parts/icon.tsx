/** The icons of the page, drawn on 16 by 16. */
const PATHS: Readonly<Record<string, string>> = {
  play: 'M5 3l8 5-8 5z',
  stop: 'M4 3h3v10H4zM9 3h3v10H9z',
  back: 'M11 3v10L4 8z',
  forward: 'M5 3v10l7-5z',
  start: 'M3 3h2v10H3zM13 3v10L6 8z',
  end: 'M11 3h2v10h-2zM3 3v10l7-5z',
  'previous-mark': 'M15 3.5v9L8.5 8zM4 4.6L7.4 8 4 11.4 0.6 8z',
  'next-mark': 'M1 3.5v9L7.5 8zM12 4.6L15.4 8 12 11.4 8.6 8z',
  pause: 'M4 3h3v10H4zM9 3h3v10H9z',
  resume: 'M5 3l8 5-8 5z',
  cancel: 'M4 4h8v8H4z',
  list: 'M2 3h12v2H2zM2 7h12v2H2zM2 11h12v2H2z',
  help: 'M5 5.5a3 3 0 1 1 4.4 2.6c-.6.4-.9.7-.9 1.4H7c0-1.5.5-2.1 1.5-2.7A1.5 1.5 0 1 0 6.5 5.5zM7 11h1.6v1.6H7z',
  theme: 'M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12v-1.3a4.7 4.7 0 0 0 0-9.4z',
};

export function Icon({ name }: { readonly name: string }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name] ?? ''} />
    </svg>
  );
}
