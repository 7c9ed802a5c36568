/**
 * A bounded memory of counts for texts that come again with every call: system prompts, tools, chat history.
 *
 * @module
 */

export interface Memo {
  get(text: string): number | undefined;
  set(text: string, tokens: number): void;
}

/** Keeps the newest `maxEntries` texts of at most `maxChars` UTF-16 code units; 0 entries turns it off. */
export function createMemo(maxEntries: number, maxChars: number): Memo {
  const counts = new Map<string, number>();
  return {
    get: (text) => (text.length <= maxChars ? counts.get(text) : undefined),
    set(text, tokens) {
      if (maxEntries < 1 || text.length > maxChars) return;
      if (counts.size >= maxEntries) counts.delete(counts.keys().next().value!);
      counts.set(text, tokens);
    },
  };
}
