/**
 * The port to a tokenizer library, and which vocabulary a model uses.
 *
 * @module
 */

/** The vocabularies of OpenAI's models since 2023. */
export type EncodingName = "o200k_base" | "cl100k_base";

/**
 * What a library must offer. It is called with two empty lists, so that text such as `<|endoftext|>` counts as
 * the plain text it is, instead of throwing.
 */
export interface Encoder {
  encode(text: string, allowedSpecial?: never[], disallowedSpecial?: never[]): ArrayLike<number>;
}

const O200K =
  /^(gpt-4o|gpt-4\.[15]|gpt-5|gpt-oss|chatgpt-4o|chat-latest|codex-mini|computer-use|o[134](-|$))/;
const CL100K = /^(gpt-4($|-)|gpt-3\.?5|text-embedding-(3|ada-002))/;

/**
 * The vocabulary of a model, or undefined when it is not known to be one of OpenAI's: then nothing here counts
 * exactly, and a count by the wrong vocabulary could be far too low.
 *
 * @param model A model name, with or without a provider prefix (`openai/`) or fine-tune mark (`ft:`).
 */
export function encodingFor(model: string): EncodingName | undefined {
  const name = model
    .slice(model.lastIndexOf("/") + 1)
    .replace(/^ft:/, "")
    .toLowerCase();
  if (O200K.test(name)) return "o200k_base";
  return CL100K.test(name) ? "cl100k_base" : undefined;
}
