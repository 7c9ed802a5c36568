/**
 * The default encoder: js-tiktoken, imported when it is first asked for.
 *
 * @module
 */
import type { Encoder, EncodingName } from "./encoder.ts";

/** Loads one vocabulary: about one second of parsing and 100 to 160 MB for o200k_base. */
export async function loadJsTiktoken(encoding: EncodingName): Promise<Encoder> {
  const [{ Tiktoken }, { default: ranks }] = await Promise.all([
    import("js-tiktoken/lite"),
    encoding === "cl100k_base"
      ? import("js-tiktoken/ranks/cl100k_base")
      : import("js-tiktoken/ranks/o200k_base"),
  ]);
  return new Tiktoken(ranks);
}
