/**
 * Input tokens of pictures in a request to Claude: upper estimates, pure, by the published rules.
 *
 * Anthropic bills pictures at the price of text.
 *
 * @module
 */
import { parseClaudeName } from "@holdfast/prices";

/** Pixels, before the provider scales them down. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/**
 * platform.claude.com/docs/en/build-with-claude/vision, 2026-11: about `width * height / 750`; a picture of more than
 * about 1,600 tokens (4,784 since Opus 4.7, from memory) is scaled down. Measured are whole patches of 28 x 28 pixels, and
 * no more than 1,596 and 3,928 (huggingface.co/datasets/JOHNISKING/image-token-cost, 2026-10: ten sizes on Haiku 4.5 and
 * Opus 5.5): on small pictures more than the published rule says, so the larger of both counts.
 */
const PATCH = 28;
const PIXELS_PER_TOKEN = 750;
const IMAGE_MAX = 1_600;
const HIGH_RESOLUTION_IMAGE_MAX = 4_784;
const HIGH_RESOLUTION_FROM = 407;

function isHighResolution(model: string): boolean {
  const version = parseClaudeName(model)?.version ?? 0;
  return version === 0 || version >= HIGH_RESOLUTION_FROM;
}

/** @param size absent when it is not known, as for an image by address or file id */
export function claudeImageTokens(model: string, size?: ImageSize): number {
  const most = isHighResolution(model) ? HIGH_RESOLUTION_IMAGE_MAX : IMAGE_MAX;
  if (size === undefined || !isSize(size)) return most;
  const patches = Math.ceil(size.width / PATCH) * Math.ceil(size.height / PATCH);
  return Math.min(most, Math.max(patches, Math.ceil((size.width * size.height) / PIXELS_PER_TOKEN)));
}

function isSize({ width, height }: ImageSize): boolean {
  return width > 0 && height > 0 && Number.isFinite(width) && Number.isFinite(height);
}
