/** Light or dark: the system's choice until the reader makes one, which this browser keeps where it may. */
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
    // A file opened from the disk may have no storage: the choice lasts as long as the page.
  }
}

function set(value: Theme): void {
  // The attribute first: what reads colours is drawn anew by the signal.
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
