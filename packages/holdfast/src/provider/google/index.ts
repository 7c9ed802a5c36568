/**
 * Google clients under hard budgets: `@google/genai` and `@google/generative-ai`.
 *
 * @module
 */
export { attributed } from "../per-call-attribution.ts";
export type { Bypass } from "../endpoint-class.ts";
export type { GoogleClient, GoogleGenAIClient, GoogleGenerativeAIClient } from "./google-client.ts";
export { wrapGoogle, type WrapGoogleOptions } from "./wrap-google.ts";
