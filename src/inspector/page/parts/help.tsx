/** What the page shows, in a user's words, and its keys. */
import { KEY_HELP } from '../keyboard.js';
import { Dialog } from './dialog.js';

const WORDS: readonly (readonly [word: string, meaning: string])[] = [
  ['Batch', 'A few rows that are worked on, repeated and saved together.'],
  ['Stage', 'One step of the pipeline. Batches pass through all stages, in order.'],
  ['Queued', 'The batch waits for a free slot of the stage: the stage is the limit.'],
  ['Waits for a permit', 'A limiter, such as requests a minute, does not let the call through yet.'],
  ['Waits for the next attempt', 'An attempt has failed, and is repeated after a delay.'],
  ['Waits for its turn', 'The batch is done, and an earlier one is not: rows are written in order.'],
  ['Journaled', 'The output of the stage is on the disk: it is never paid for twice, even after a crash.'],
  ['Written', 'The rows are in the output file.'],
  ['Committed', 'The rows are safe: fsynced, and covered by a checkpoint. A resume continues after them.'],
  ['Checkpoint', 'The small file that a resume starts from.'],
  ['Lost', 'Rows that errors cost. Failures says why; dead letters keep them where the stage says so.'],
  ['Interrupted', 'The process was killed, or crashed. Nothing that was committed is lost.'],
  ['Critical path', 'What the last batch really waited for. Make these parts faster first.'],
  ['Library steps', 'Events inside the statecharts of the library. They are hidden until you ask for them.'],
];

export function Help({ close }: { readonly close: () => void }) {
  return (
    <Dialog title="Help" kind="wide" close={close}>
      <p>
        The page shows one moment of a run. Move the slider at the bottom to go back in time: nothing runs
        again. At the right end it follows a run that is alive.
      </p>
      <h3>Words</h3>
      <dl class="help words">
        {WORDS.map(([word, meaning]) => (
          <div key={word}>
            <dt>{word}</dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <h3>Keys</h3>
      <dl class="help">
        {KEY_HELP.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              {keys.split(/,? /).map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
