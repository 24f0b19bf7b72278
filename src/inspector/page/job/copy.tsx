/** A command line with a button that copies it. */
import { useSignal } from '@preact/signals';

const SHOWN_MS = 1_500;

export function CopyLine({ command, what }: { readonly command: string; readonly what: string }) {
  const isCopied = useSignal(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(command).catch(() => {});
    isCopied.value = true;
    setTimeout(() => {
      isCopied.value = false;
    }, SHOWN_MS);
  };
  return (
    <span class="copy-line">
      <span class="copy-what">{what}</span>
      <code>{command}</code>
      <button type="button" aria-label={`Copy the command: ${what}`} onClick={() => void copy()}>
        {isCopied.value ? 'Copied' : 'Copy'}
      </button>
    </span>
  );
}
