/** @module `wrapGoogle`: a Google client that cannot overspend. */
import type { Attribution } from "../../attribution/attribution.ts";
import { ClientNotSupportedError } from "../../error/client-not-supported-error.ts";
import { AttributionDefaults } from "../../guard/attribution-context.ts";
import { guardOf } from "../guard-access.ts";
import { misfits, type GenAI } from "./client-shape.ts";
import { deriveGenAI } from "./derive-genai.ts";
import { deriveGenerativeAI, isGenerativeAI, isWrappedGenerativeAI } from "./derive-generative-ai.ts";
import type { GoogleClient } from "./google-client.ts";
import type { RequestContext } from "./guarded-request.ts";
import { isMetered } from "./metered-api-client.ts";

export interface WrapGoogleOptions {
  /**
   * The provider in the price list.
   * @default "google", for the Gemini API and for Vertex AI
   */
  readonly provider?: string;
  /**
   * Ask the provider's token count before each call of generateContent, and hold for that instead of the estimate. Costs
   * one more request per call, free of charge; when it fails or takes longer than 2 s, the estimate is held.
   * @default false
   */
  readonly exactInputTokens?: boolean;
}

/**
 * A client of the same class, with the same methods, types, helpers and errors, whose every request is held for before it
 * is sent and settled when it ends: each one by itself where the SDK makes several of one call (automatic function
 * calling, automatic continuation). The given client is left as it is, and is not guarded.
 *
 * Of @google/genai, 2.23 and later are guarded as a whole. Before that the SDK takes no fetch: `retryOptions` and
 * interactions are then refused, and `exactInputTokens` is without effect.
 *
 * A continuation of an interaction that is denied rejects with the `BudgetExceededError`; its property `interrupted`, which
 * is not enumerable, is the SDK's `ContinuationInterruptedError` with what was generated until then.
 *
 * @param holdfast what createHoldfast returned
 * @param attribution tags of every call of this client; `holdfast.with(...)` and `attributed(...)` win over them
 * @throws {ClientNotSupportedError} when it is neither a GoogleGenAI whose internals are known nor a GoogleGenerativeAI,
 *   or is wrapped already.
 * @throws {AttributionError} when an attribution value is not a string.
 */
export function wrapGoogle<C extends GoogleClient>(
  client: C,
  holdfast: object,
  attribution?: Attribution,
  options: WrapGoogleOptions = {},
): C {
  const guard = guardOf(holdfast);
  const context: RequestContext = {
    guard,
    defaults: new AttributionDefaults(guard.context, attribution),
    provider: options.provider ?? "google",
    exactInputTokens: options.exactInputTokens ?? false,
  };
  if (isGenerativeAI(client)) {
    if (isWrappedGenerativeAI(client)) throw wrappedAlready();
    return deriveGenerativeAI(client, context);
  }
  const genai = client as unknown as Partial<GenAI>;
  if (genai.apiClient !== undefined && isMetered(genai.apiClient)) throw wrappedAlready();
  const problems = misfits(client);
  if (problems.length > 0) {
    throw new ClientNotSupportedError(
      `This is not a Google client that can be wrapped: ${problems.join("; ")}. Pass a GoogleGenAI instance of ` +
        `@google/genai 1, 2 or 3, or a GoogleGenerativeAI instance of @google/generative-ai 0.24.`,
    );
  }
  return deriveGenAI(genai as GenAI, context) as unknown as C;
}

function wrappedAlready(): ClientNotSupportedError {
  return new ClientNotSupportedError(
    "This Google client is wrapped already; wrapping it twice would charge each call twice.",
  );
}
