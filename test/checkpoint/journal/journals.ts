/** Journals of one session in fresh directories, for tests of their contents. */
import { type FileJournalOptions, openFileJournal } from '../../../src/checkpoint/journal/file-journal.js';
import { nodeFileSystem } from '../../../src/platform/node-file-system.js';
import { freshFolder } from '../../support/folders.js';

export const SESSION = '0e4cf1d2-5f0e-4c8e-9b6e-0d8c8a1f2b3c';
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const at = (batch: number) => ({ stage: 's', batch });

export const freshDirectory = async (): Promise<string> => freshFolder();

export async function open(directory: string, options: Partial<FileJournalOptions> = {}) {
  return openFileJournal({ fileSystem: nodeFileSystem, directory, sessionId: SESSION, epoch: 1, ...options });
}
