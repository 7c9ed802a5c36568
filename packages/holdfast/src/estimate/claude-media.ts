/**
 * Input tokens of what is not text in a request to Claude: upper estimates, pure, by the published rules.
 *
 * Anthropic bills images and documents at the price of text. `undefined` means that nothing smaller than the context
 * window bounds it.
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

/**
 * platform.claude.com/docs/en/build-with-claude/pdf-support, 2026-11: "1,500 to 3,000 tokens per page" of text, and every
 * page is an image as well. At most 600 pages, 100 on models with a context window of 200,000 tokens.
 */
const PAGE_TEXT = 3_000;

/**
 * The system prompt that tools bring with them: 346 tokens at most for Claude 4
 * (platform.claude.com/docs/en/agents-and-tools/tool-use/overview#pricing, 2026-06, from memory), twice that for the
 * vocabulary since 4.7, with room. Tools of Anthropic's own that the client runs (bash, text editor, computer use, memory)
 * add up to 735 tokens each to their definition, twice that likewise.
 */
const TOOLS_PROMPT = 800;
const CLIENT_TOOL = 1_600;

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

/** @param pages absent when it is not known: then only the context window bounds it */
export function claudePdfTokens(model: string, pages?: number): number | undefined {
  if (pages === undefined || !Number.isSafeInteger(pages) || pages < 0) return undefined;
  return pages * (PAGE_TEXT + claudeImageTokens(model));
}

/**
 * What the provider adds to a request with tools, beside the text of their definitions.
 *
 * @param clientTools how many of them are Anthropic's own that the client runs
 */
export function claudeToolTokens(tools: number, clientTools: number): number {
  return tools <= 0 ? 0 : TOOLS_PROMPT + clientTools * CLIENT_TOOL;
}

function isSize({ width, height }: ImageSize): boolean {
  return width > 0 && height > 0 && Number.isFinite(width) && Number.isFinite(height);
}
