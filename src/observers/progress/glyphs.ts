/** The characters that progress is drawn with: each one column wide, but for ASCII's arrow. */

export interface Glyphs {
  readonly spinner: readonly string[];
  readonly done: string;
  readonly half: string;
  readonly rest: string;
  readonly arrow: string;
  readonly branch: string;
  readonly last: string;
  readonly ellipsis: string;
  readonly dot: string;
  readonly inFlight: string;
  readonly awaitingPermit: string;
  readonly retries: string;
  readonly skipped: string;
  readonly deadLettered: string;
}

export const UNICODE: Glyphs = {
  spinner: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
  done: '━',
  half: '╸',
  rest: '─',
  arrow: '→',
  branch: '├',
  last: '└',
  ellipsis: '…',
  dot: '·',
  inFlight: '●',
  awaitingPermit: '◷',
  retries: '↻',
  skipped: '⊘',
  deadLettered: '✗',
};

export const ASCII: Glyphs = {
  spinner: ['|', '/', '-', '\\'],
  done: '=',
  half: '>',
  rest: '-',
  arrow: '->',
  branch: '|',
  last: '`',
  ellipsis: '~',
  dot: '-',
  inFlight: '*',
  awaitingPermit: 'w',
  retries: 'r',
  skipped: 's',
  deadLettered: 'd',
};
