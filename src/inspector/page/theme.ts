/** Light or dark: the system's setting until the reader chooses; the browser stores the choice if it can. */
import { signal } from '@preact/signals';

export type Theme = 'light' | 'dark';

const KEY = 'xstate-pipeline-inspector-theme';
const system = matchMedia('(prefers-color-scheme: dark)');

export const theme = signal<Theme>(kept() ?? (system.matches ? 'dark' : 'light'));

export function followTheme(): void {
  apply();
  system.addEventListener('change', ({ matches }) => {
    if (kept() === undefined) set(matches ? 'dark' : 'light');
  });
}

export function toggleTheme(): void {
  set(theme.value === 'dark' ? 'light' : 'dark');
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // A file opened from the disk may have no storage: the choice then ends with the page.
  }
}

function set(value: Theme): void {
  // The attribute first: the signal redraws the parts that read colours.
  document.documentElement.dataset.theme = value;
  theme.value = value;
}

function apply(): void {
  document.documentElement.dataset.theme = theme.value;
}

function kept(): Theme | undefined {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : undefined;
  } catch {
    return undefined;
  }
}
