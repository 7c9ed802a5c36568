/**
 * @module Upper bounds on the tokens of media that are part of a request to Gemini.
 *
 * The seconds of sound are bounded by the lowest usual bit rates: 8 kB/s for PCM in a WAV file and 0.64 kB/s for
 * compressed audio. How long a video is, and how many pages a document has, cannot be told from their bytes: they are taken
 * to fill the window.
 */
import {
  geminiAudioTokens,
  geminiImageTokens,
  type MediaResolution,
} from "../../../estimate/gemini-media.ts";

const WAV_BYTES_PER_SECOND = 8_000;
const COMPRESSED_AUDIO_BYTES_PER_SECOND = 640;

export type Media =
  | { readonly kind: "image" | "audio"; readonly tokens: number }
  /** Its size cannot be bounded by what is in the request. */
  | { readonly kind: "unbounded"; readonly what: string }
  /** It is text in base64. */
  | { readonly kind: "text" };

/** @param base64 the data as it is sent */
export function mediaTokens(
  mimeType: string,
  base64: string,
  model: string,
  resolution: MediaResolution,
): Media {
  const type = mimeType.toLowerCase();
  if (type.startsWith("image/")) {
    return { kind: "image", tokens: geminiImageTokens(model, undefined, resolution) };
  }
  if (type.startsWith("audio/")) {
    const perSecond = /wav|l16|pcm/.test(type) ? WAV_BYTES_PER_SECOND : COMPRESSED_AUDIO_BYTES_PER_SECOND;
    const seconds = (base64.length * 3) / 4 / perSecond;
    return { kind: "audio", tokens: (geminiAudioTokens(seconds) ?? 0) + 1 };
  }
  if (type.startsWith("video/")) return { kind: "unbounded", what: "a video" };
  if (type === "application/pdf") return { kind: "unbounded", what: "a document" };
  if (type.startsWith("text/") || type === "application/json") return { kind: "text" };
  return { kind: "unbounded", what: "a file" };
}
