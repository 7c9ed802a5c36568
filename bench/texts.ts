/** @module Texts to estimate. All of them flat in memory, as text that came over a wire is. */

const SENTENCES = [
  "Could you check whether the invoice for the second half of September has already been sent to the customer?",
  "The deploy went out at 14:20, and the error rate fell from 3.1% to 0.2% within five minutes.",
  "I don't think we should change the retry policy before we understand why the queue was growing last night.",
  "She asked for a shorter summary, so I kept only the decisions and the names of the people who own them.",
  "If the supplier confirms by Friday, we can start the migration on Monday; otherwise it has to wait a week.",
  "Here is the paragraph again, with the numbers corrected and the second example moved to the end.",
  "Most of the delay comes from the approval step, which still needs two signatures and a scanned form.",
  "What would you recommend for a team of eight that has never written an integration test before?",
  "The old library was removed, because nobody had updated it since 2019 and it pulled in forty packages.",
  "Thanks, that works! One more thing: please add a note about time zones to the onboarding guide.",
  "In the end the simplest explanation was right: the clock on one of the two machines was ahead by an hour.",
  "They compared three vendors on price, support and export formats, and chose the one with open data.",
] as const;

/** English prose of exactly this many characters (one byte each). */
export function proseOf(chars: number, seed = 0): string {
  const parts: string[] = [];
  let length = 0;
  for (let i = seed; length < chars; i += 5 + (i % 3)) {
    const sentence = SENTENCES[i % SENTENCES.length]!;
    parts.push(sentence);
    length += sentence.length + 1;
  }
  return flat(parts.join(" ").slice(0, chars));
}

/** One megabyte (in UTF-8) of one thing after the other, without an end in sight. */
export function pathological(): Readonly<Record<string, (bytes: number) => string>> {
  return {
    "letters a": (bytes) => repeated("a", bytes),
    spaces: (bytes) => repeated(" ", bytes),
    newlines: (bytes) => repeated("\n", bytes),
    emoji: (bytes) => repeated("\u{1F600}\u{1F680}\u{1F389}", bytes),
    "CJK without punctuation": (bytes) =>
      repeated("\u8FD9\u662F\u4E00\u6BB5\u6CA1\u6709\u6807\u70B9\u7684\u6587\u5B57", bytes),
  };
}

function repeated(unit: string, bytes: number): string {
  return flat(unit.repeat(Math.floor(bytes / Buffer.byteLength(unit))));
}

/** `repeat` and `join` may leave a tree of pieces, which the first reader would have to pay for. */
function flat(text: string): string {
  return Buffer.from(text, "utf8").toString("utf8");
}
