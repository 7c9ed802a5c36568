/** The true counts, by gpt-tokenizer, with special tokens read as plain text. */
import { encode as encodeCl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { encode as encodeO200k } from "gpt-tokenizer/encoding/o200k_base";

const asPlainText = { disallowedSpecial: new Set<string>() };

export interface Truth {
  o200k: number;
  cl100k: number;
}

export function truthOf(text: string): Truth {
  return { o200k: encodeO200k(text, asPlainText).length, cl100k: encodeCl100k(text, asPlainText).length };
}
