/** Arguments of a pipeline file: `xstate-pipeline run file.ts -- --country DE`. Only reachable from `xstate-pipeline/node`. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { InvalidOptionError } from '../../errors.js';
import { messageOf } from '../../platform/thrown.js';
import type { Pipeline } from '../pipeline.js';

/** Options of a pipeline file, by name, as `parseArgs` of `node:util` takes them: `type`, `short`, `multiple`, `default`. */
export type ArgumentOptions = NonNullable<ParseArgsConfig['options']>;

/** The values of the options; without a `default`, undefined if it is not given. */
export type ArgumentValues<O extends ArgumentOptions> = ReturnType<
  typeof parseArgs<{ options: O; allowPositionals: true }>
>['values'];

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
    let parsed: { readonly values: ArgumentValues<O>; readonly positionals: readonly string[] };
    try {
      parsed = parseArgs({ args: [...args], options, allowPositionals: true });
    } catch (error) {
      const names = Object.keys(options).map((name) => `--${name}`);
      const [what = ''] = messageOf(error).split(/\. (?=To specify)/);
      throw new InvalidOptionError(
        `${what.replace(/\.$/, '')}. Its options are ${names.join(', ') || 'none'}; give them after --.`,
      );
    }
    return build(parsed.values, parsed.positionals);
  };
}
