/** Arguments of a pipeline file: `xstate-pipeline run file.ts -- --country DE`. Only reachable from `xstate-pipeline/node`. */
import { parseArgs } from 'node:util';
import { InvalidOptionError } from '../../errors.js';
import { messageOf } from '../../platform/thrown.js';
import type { Pipeline } from '../pipeline.js';

/** One option of a pipeline file, as `parseArgs` of `node:util` takes it. Written out, so that the types need no `@types/node`. */
export type ArgumentOption = {
  readonly type: 'string' | 'boolean';
  /** One character: `-c`. */
  readonly short?: string;
  /** May be given several times; the value is a list. Default false. */
  readonly multiple?: boolean;
  /** The value where the option is not given; of the option's type. */
  readonly default?: string | boolean | readonly string[] | readonly boolean[];
};

/** Options of a pipeline file, by name. */
export type ArgumentOptions = { readonly [name: string]: ArgumentOption };

/** The values of the options; without a `default`, undefined if it is not given. */
export type ArgumentValues<O extends ArgumentOptions> = {
  readonly [Name in keyof O]:
    | (O[Name]['type'] extends 'string'
        ? O[Name] extends { readonly multiple: true }
          ? string[]
          : string
        : O[Name] extends { readonly multiple: true }
          ? boolean[]
          : boolean)
    | (O[Name] extends { readonly default: string | boolean | readonly (string | boolean)[] }
        ? never
        : undefined);
};

/**
 * A pipeline file's default export that takes arguments. The command line calls it with the words after `--`, and stores them with
 * the session, so that `resume` needs none.
 *
 * @param options what may be given. An unknown option, or a value of another type, ends the command with exit code 2.
 * @param build makes the pipeline. The second parameter has the words that belong to no option.
 * @returns a function of the words. It throws `InvalidOptionError`.
 * @example
 * export default withArguments({ country: { type: 'string', default: 'DE' } }, ({ country }) =>
 *   pipeline('orders').from(jsonl(`in-${country}.jsonl`)).to(jsonl(`out-${country}.jsonl`)));
 */
export function withArguments<const O extends ArgumentOptions, T>(
  options: O,
  build: (values: ArgumentValues<O>, words: readonly string[]) => Pipeline<T> | Promise<Pipeline<T>>,
): (args: readonly string[]) => Pipeline<T> | Promise<Pipeline<T>> {
  return (args) => {
    let parsed: { readonly values: unknown; readonly positionals: readonly string[] };
    try {
      parsed = parseArgs({ args: [...args], options: copyOf(options), allowPositionals: true });
    } catch (error) {
      const names = Object.keys(options).map((name) => `--${name}`);
      const [what = ''] = messageOf(error).split(/\. (?=To specify)/);
      throw new InvalidOptionError(
        `${what.replace(/\.$/, '')}. Its options are ${names.join(', ') || 'none'}; give them after --.`,
      );
    }
    // `parseArgs` has checked the types of the values.
    return build(parsed.values as ArgumentValues<O>, parsed.positionals);
  };
}

/** With lists that may be changed, as `parseArgs` has them. */
function copyOf(options: ArgumentOptions) {
  const copied = Object.entries(options).map(([name, { default: value, ...option }]) => {
    const list = Array.isArray(value) ? ([...value] as string[] | boolean[]) : (value as string | boolean);
    return [name, value === undefined ? option : { ...option, default: list }] as const;
  });
  return Object.fromEntries(copied);
}
