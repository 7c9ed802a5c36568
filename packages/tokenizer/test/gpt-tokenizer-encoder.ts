import {
  createTokenizer,
  type Encoder,
  type EncodingName,
  type Tokenizer,
  type TokenizerOptions,
} from "@holdfast/tokenizer";

async function loadGptTokenizer(encoding: EncodingName): Promise<Encoder> {
  const { encode, setMergeCacheSize } =
    encoding === "cl100k_base"
      ? await import("gpt-tokenizer/encoding/cl100k_base")
      : await import("gpt-tokenizer/encoding/o200k_base");
  setMergeCacheSize(2000);
  const asPlainText = { disallowedSpecial: new Set<string>() };
  return { encode: (text) => encode(text, asPlainText) };
}

export function createGptTokenizer(options: TokenizerOptions = {}): Tokenizer {
  return createTokenizer({
    encoder: loadGptTokenizer,
    encodings: ["o200k_base", "cl100k_base"],
    maxChars: 65_536,
    maxRunChars: 128,
    ...options,
  });
}
