/** @module OpenAI's usage objects: the reader is shared with the AI SDK's OpenAI models. */
export { readBareUsage, readUsage, type PlainOutput } from "../usage/openai-usage.ts";
