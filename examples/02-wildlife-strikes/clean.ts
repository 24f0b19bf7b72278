/** Converts a row that was typed into forms over twelve years into a strike. */
import type { RawStrike, Strike } from './strike.ts';

const DAMAGE: Readonly<Record<string, Strike['damage']>> = {
  None: 'none',
  Minor: 'minor',
  Medium: 'medium',
  Substantial: 'substantial',
};

export function clean(raw: RawStrike): Strike {
  const date = raw['Flight Date'];
  const species = raw['Wildlife Species'];
  const speed = raw['Speed IAS in knots'];
  return {
    date,
    year: Number(date.slice(0, 4)),
    airport: titled(raw['Airport Name']).replace(/ (Intl|Arpt|Airport|Natl)\b/g, ''),
    state: raw['Origin State'],
    operator: titled(raw['Aircraft Airline Operator'].replace('*', '')),
    aircraft: raw['Aircraft Make Model'],
    species: species.startsWith('Unknown') ? null : species,
    size: raw['Wildlife Size'].toLowerCase() as Strike['size'],
    phase: raw['Phase of flight'].toLowerCase(),
    timeOfDay: raw['Time of day'].toLowerCase(),
    damage: DAMAGE[raw['Effect Amount of damage']] ?? 'unknown',
    costDollars: Number(raw['Cost Total $']),
    speedKnots: speed === '' ? null : Number(speed),
  };
}

/** "CHICAGO O'HARE" to "Chicago O'Hare". */
function titled(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/\b[a-z](?=[a-z'])/g, (letter) => letter.toUpperCase());
}
