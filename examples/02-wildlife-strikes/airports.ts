/** Finds the airport of a strike in a list of airports, although most names are spelled differently in the two. */
import { readFileSync } from 'node:fs';
import type { Located, Strike } from './strike.ts';

interface Airport {
  readonly iata: string;
  readonly city: string;
  readonly position: readonly [number, number];
  readonly words: ReadonlySet<string>;
}

const NOISE = new Set([
  'intl',
  'international',
  'arpt',
  'airport',
  'natl',
  'national',
  'ny',
  'or',
  'world',
  'metro',
]);
const STATES: Readonly<Record<string, string>> = {
  ...{
    Arizona: 'AZ',
    California: 'CA',
    Colorado: 'CO',
    DC: 'DC',
    Florida: 'FL',
    Georgia: 'GA',
    Hawaii: 'HI',
  },
  ...{ Illinois: 'IL', Indiana: 'IN', Kentucky: 'KY', Louisiana: 'LA', Maryland: 'MD', Massachusetts: 'MA' },
  ...{
    Michigan: 'MI',
    Minnesota: 'MN',
    Missouri: 'MO',
    Nebraska: 'NE',
    'New Jersey': 'NJ',
    'New York': 'NY',
  },
  ...{ 'North Carolina': 'NC', Ohio: 'OH', Oklahoma: 'OK', Oregon: 'OR', Pennsylvania: 'PA' },
  ...{ 'South Carolina': 'SC', Tennessee: 'TN', Texas: 'TX', Utah: 'UT', Washington: 'WA' },
};

/** Names that share no word with the list. */
const SPELLED_OTHERWISE: Readonly<Record<string, string>> = {
  ...{ Atlanta: 'ATL', 'Baltimore Wash': 'BWI', 'Laguardia Ny': 'LGA', Logan: 'BOS', Louisville: 'SDF' },
  ...{ 'Ronald Reagan Washington': 'DCA', 'Washington Dulles': 'IAD' },
};

/** @param file airports.csv: iata,name,city,state,country,latitude,longitude. */
export function locator(file: URL): (strike: Strike) => Located {
  const { byCode, byState } = readAirports(file);
  const find = ({ airport, state }: Strike) =>
    byCode.get(SPELLED_OTHERWISE[airport] ?? '') ?? closest(airport, byState.get(STATES[state] ?? '') ?? []);
  const found = new Map<string, Airport | undefined>();
  return (strike) => {
    const key = `${strike.airport}, ${strike.state}`;
    if (!found.has(key)) found.set(key, find(strike));
    const airport = found.get(key);
    return {
      ...strike,
      iata: airport?.iata ?? null,
      city: airport?.city ?? null,
      position: airport?.position ?? null,
    };
  };
}

/** The airport of the state whose words overlap most with the name's; none below a third. */
function closest(name: string, airports: readonly Airport[]): Airport | undefined {
  const words = wordsOf(name);
  let best: Airport | undefined;
  let bestShare = 1 / 3;
  for (const airport of airports) {
    const common = [...words].filter((word) => airport.words.has(word)).length;
    const share = common / (words.size + airport.words.size - common);
    if (share > bestShare) [best, bestShare] = [airport, share];
  }
  return best;
}

function wordsOf(text: string): Set<string> {
  const words = text
    .toLowerCase()
    .replace(/'/g, '')
    .split(/[^a-z]+/);
  return new Set(words.filter((word) => word.length > 1 && !NOISE.has(word)));
}

/** Reads the airports with scheduled flights: those with a three-letter code without a digit. */
function readAirports(file: URL): { byCode: Map<string, Airport>; byState: Map<string, Airport[]> } {
  const byCode = new Map<string, Airport>();
  const byState = new Map<string, Airport[]>();
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(1);
  for (const line of lines) {
    const fields = [...line.matchAll(/("[^"]*"|[^,]*)(?:,|$)/g)].map(([, field = '']) =>
      field.replace(/^"|"$/g, ''),
    );
    const [iata = '', name = '', city = '', state = '', , latitude, longitude] = fields;
    if (!/^[A-Z]{3}$/.test(iata)) continue;
    const position = [Number(latitude), Number(longitude)] as const;
    const airport: Airport = { iata, city, position, words: wordsOf(`${name} ${city}`) };
    byCode.set(iata, airport);
    byState.set(state, [...(byState.get(state) ?? []), airport]);
  }
  return { byCode, byState };
}
