/**
 * Anthropic clients under hard budgets: the Claude API, Bedrock, Vertex AI and Foundry.
 *
 * @module
 */
export { attributed } from "../per-call-attribution.ts";
export type { Bypass } from "../endpoint-class.ts";
export type { AnthropicClient } from "./anthropic-client.ts";
export { wrapAnthropic, type WrapAnthropicOptions } from "./wrap-anthropic.ts";
