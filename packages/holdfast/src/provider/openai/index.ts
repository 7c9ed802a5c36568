/**
 * OpenAI clients under hard budgets.
 *
 * @module
 */
export { attributed } from "../per-call-attribution.ts";
export type { Bypass } from "../endpoint-class.ts";
export type { OpenAIClient } from "./openai-client.ts";
export { wrapOpenAI, type WrapOpenAIOptions } from "./wrap-openai.ts";
