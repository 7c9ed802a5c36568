/**
 * OpenAI clients under hard budgets.
 *
 * @module
 */
export { attributed } from "../per-call-attribution.ts";
export type { OpenAIClient } from "./client-shape.ts";
export type { Bypass } from "./endpoint.ts";
export { wrapOpenAI, type WrapOpenAIOptions } from "./wrap-openai.ts";
