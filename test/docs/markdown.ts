/** Finds the code blocks of a Markdown page, with the comments above them that say how to run them. */

export type Language = 'ts' | 'js' | 'sh';

export interface Block {
  /** The page, relative to the repository. */
  readonly page: string;
  /** The line of the block's first line of code, from 1. */
  readonly line: number;
  readonly language: Language;
  readonly code: string;
  /** Why it is not run, if it is not. */
  readonly notRun: string | undefined;
  /** Fixtures to run it with, in order. */
  readonly fixtures: readonly string[];
  /** The file that it is, for the blocks after it. */
  readonly file: string | undefined;
}

const LANGUAGES: Readonly<Record<string, Language>> = {
  ...{ ts: 'ts', typescript: 'ts', js: 'js', javascript: 'js', mjs: 'js' },
  ...{ sh: 'sh', bash: 'sh', shell: 'sh', console: 'sh' },
};

const FENCE = /^(?<indent> *)(?<marks>`{3,}|~{3,}) *(?<info>[^\s`]*)/;
const COMMENT = /^ *<!-- *(?<key>not run|with|file): *(?<value>.*?) *-->$/;

/** @throws {Error} for a block that does not end, or a comment without a value or far from any block. */
export function blocksOf(page: string, markdown: string): Block[] {
  const blocks: Block[] = [];
  const lines = markdown.split('\n');
  let comments: { key: string; value: string }[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const comment = COMMENT.exec(line)?.groups;
    if (comment) {
      const { key = '', value = '' } = comment;
      if (value === '') throw new Error(`${page}:${at + 1}: "${key}" says nothing`);
      comments.push({ key, value });
      continue;
    }
    const fence = FENCE.exec(line)?.groups;
    if (!fence) {
      if (comments.length > 0) throw new Error(`${page}:${at + 1}: the comment above belongs to no block`);
      continue;
    }
    const { indent = '', marks = '', info = '' } = fence;
    const start = at + 1;
    const closing = new RegExp(`^ *${marks[0]}{${marks.length},} *$`);
    while (++at < lines.length && !closing.test(lines[at] ?? ''));
    if (at >= lines.length) throw new Error(`${page}:${start}: the block does not end`);
    const code = lines
      .slice(start, at)
      .map((text) => text.slice(text.startsWith(indent) ? indent.length : 0));
    const language = LANGUAGES[info];
    if (language) {
      const commentOf = (key: string) => comments.find((entry) => entry.key === key)?.value;
      blocks.push({
        page,
        line: start + 1,
        language,
        code: info === 'console' ? commandsOf(code) : code.join('\n'),
        notRun: commentOf('not run'),
        fixtures: comments.filter(({ key }) => key === 'with').map(({ value }) => value),
        file: commentOf('file'),
      });
    }
    comments = [];
  }
  if (comments.length > 0) throw new Error(`${page}: the last comment belongs to no block`);
  return blocks;
}

/** The commands of a transcript. */
function commandsOf(transcript: readonly string[]): string {
  return transcript.map((line) => (line.startsWith('$ ') ? line.slice(2) : '')).join('\n');
}

/** The commands of a shell block that the tests refuse to run. */
export function strangeCommands(code: string): string[] {
  return code
    .replace(/\\\n/g, ' ')
    .split(/\n|&&|\|\|?|;/)
    .map((command) => command.trim())
    .filter((command) => command !== '' && !command.startsWith('#'))
    .filter((command) => !/^(npx xstate-pipeline|node|cat|head|tail|ls|wc|sort|grep|echo)\b/.test(command));
}
