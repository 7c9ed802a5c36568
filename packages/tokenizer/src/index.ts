/**
 * Tight token counts for holdfast, bounded in input and time.
 *
 * @module
 */
export { createTokenizer, type Tokenizer, type TokenizerOptions } from "./create-tokenizer.ts";
export { encodingFor, type Encoder, type EncodingName } from "./encoder.ts";
