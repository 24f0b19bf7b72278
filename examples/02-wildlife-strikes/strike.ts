/** The types of a row between the stages. */

/** The columns of birdstrikes.csv that are used; all are text. */
export interface RawStrike {
  readonly 'Airport Name': string;
  readonly 'Aircraft Make Model': string;
  readonly 'Effect Amount of damage': string;
  readonly 'Flight Date': string;
  readonly 'Aircraft Airline Operator': string;
  readonly 'Origin State': string;
  readonly 'Phase of flight': string;
  readonly 'Wildlife Size': string;
  readonly 'Wildlife Species': string;
  readonly 'Time of day': string;
  readonly 'Cost Total $': string;
  readonly 'Speed IAS in knots': string;
}

export interface Strike {
  readonly date: string;
  readonly year: number;
  readonly airport: string;
  readonly state: string;
  readonly operator: string;
  readonly aircraft: string;
  /** Null: unknown. */
  readonly species: string | null;
  readonly size: 'small' | 'medium' | 'large';
  readonly phase: string;
  readonly timeOfDay: string;
  readonly damage: 'none' | 'minor' | 'medium' | 'substantial' | 'unknown';
  readonly costDollars: number;
  /** Null: not recorded. */
  readonly speedKnots: number | null;
}

export interface Located extends Strike {
  /** Null: the airport is not in the list. */
  readonly iata: string | null;
  readonly city: string | null;
  /** Latitude and longitude in degrees. */
  readonly position: readonly [number, number] | null;
}

export interface Assessed extends Located {
  /** 0 to 100, by the assessment service. */
  readonly risk: number;
  readonly grade: 'low' | 'raised' | 'high';
}
