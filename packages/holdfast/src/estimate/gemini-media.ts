/**
 * Input tokens of pictures and sound in a request to Gemini: upper estimates, pure, by the published rules.
 *
 * `undefined` means that nothing smaller than the context window bounds it.
 *
 * @module
 */
import type { ImageSize } from "./claude-media.ts";

/** The provider's words, with or without `MEDIA_RESOLUTION_`, in any case; anything else is its default. */
export type MediaResolution = string | null | undefined;

interface Figures {
  readonly unspecified: number;
  readonly low: number;
  readonly medium: number;
  readonly high: number;
  readonly ultra_high: number;
}

/**
 * ai.google.dev/gemini-api/docs/media-resolution, 2026-11, the figures from memory: most tokens by resolution, since
 * Gemini 3. Measured with the default: 1,065 to 1,101 for any picture
 * (huggingface.co/datasets/JOHNISKING/image-token-cost, 2026-10).
 */
const IMAGE: Figures = { unspecified: 1_120, low: 280, medium: 560, high: 1_120, ultra_high: 2_240 };

/**
 * Before Gemini 3: ai.google.dev/gemini-api/docs/tokens and /image-understanding, 2026-11. 258 tokens for a picture of at
 * most 384 x 384 pixels and for each tile of a larger one; 66 with low resolution.
 */
const TILE = 258;
const LOW_TILE = 66;
const WHOLE_PICTURE = 384;
/** Tiles are `floor(shorter side / 1.5)` pixels wide and high, and no smaller than 256 nor larger than 768. */
const TILE_SHARE = 1.5;
const TILE_PIXELS = { least: 256, most: 768 };
/** Larger pictures are scaled down to 3,072 x 3,072, which leaves no more than 12 x 2 tiles (from memory). */
const TILES_MAX = 24;

/** /audio-understanding, 2026-11: 32 tokens for a second of sound. */
const AUDIO_PER_SECOND = 32;

function isSinceGemini3(model: string): boolean {
  return !/gemini-(?:1|2|flash-1|pro-1|pro(?:-vision)?$)|gemma-[23]/.test(model);
}

function figure(figures: Figures, resolution: MediaResolution): number {
  const word = (resolution ?? "").toLowerCase().replace(/^media_resolution_/, "");
  return Object.hasOwn(figures, word) ? figures[word as keyof Figures] : figures.unspecified;
}

function isLow(resolution: MediaResolution): boolean {
  return /^(?:media_resolution_)?low$/i.test(resolution ?? "");
}

/** @param size absent when it is not known, as for a picture by address or file */
export function geminiImageTokens(model: string, size?: ImageSize, resolution?: MediaResolution): number {
  if (isSinceGemini3(model)) return figure(IMAGE, resolution);
  if (isLow(resolution)) return LOW_TILE;
  if (size === undefined || !(size.width > 0 && size.height > 0)) return TILES_MAX * TILE;
  const { width, height } = size;
  if (width <= WHOLE_PICTURE && height <= WHOLE_PICTURE) return TILE;
  const wanted = Math.floor(Math.min(width, height) / TILE_SHARE);
  const tile = Math.max(TILE_PIXELS.least, Math.min(TILE_PIXELS.most, wanted));
  return Math.min(TILES_MAX, Math.ceil(width / tile) * Math.ceil(height / tile)) * TILE;
}

/** @param seconds absent when it is not known: then only the context window bounds it */
export function geminiAudioTokens(seconds?: number): number | undefined {
  return isDuration(seconds) ? Math.ceil(seconds * AUDIO_PER_SECOND) : undefined;
}

function isDuration(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && value >= 0;
}
