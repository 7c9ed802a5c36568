/** @module `wrapAnthropic`: an Anthropic client that cannot overspend. */
import type { Attribution } from "../../attribution/attribution.ts";
import { ClientNotSupportedError } from "../../error/client-not-supported-error.ts";
import { AttributionDefaults } from "../../guard/attribution-context.ts";
import type { Guard } from "../../guard/guard.ts";
import { guardOf } from "../guard-access.ts";
import { createAnthropicAdapter } from "./adapter.ts";
import type { AnthropicClient } from "./anthropic-client.ts";
import { adaptsInside, missingParts, type DerivableClient } from "./client-shape.ts";
import { deriveClient, isDerived } from "./derive-client.ts";
import type { RequestContext } from "./guarded-request.ts";
import { platformOf } from "./platform.ts";
import { Threads } from "./threads.ts";

export interface WrapAnthropicOptions {
  /**
   * The provider in the price list.
   * @default by the client: "anthropic", "aws" (Bedrock), "google" (Vertex AI) or "azure" (Foundry)
   */
  readonly provider?: string;
  /**
   * Ask the provider's token count before each call, through the same client, and hold for that instead of the estimate.
   * Costs one more request per call, free of charge; when it fails or takes longer than 2 s, the estimate is held.
   * AnthropicBedrock has no such count.
   * @default false
   */
  readonly exactInputTokens?: boolean;
}

/**
 * A client of the same class, with the same methods, types, helpers and errors, whose every call is held for before it
 * is sent and settled when it ends. The given client is left as it is, and is not guarded.
 *
 * With middleware of the application's own, the guard stands inside it: what is held for and billed is what middleware
 * finally sends, and a middleware that sends twice is billed twice.
 *
 * @param holdfast what createHoldfast returned
 * @param attribution tags of every call of this client; `holdfast.with(...)` and `attributed(...)` win over them
 * @throws {ClientNotSupportedError} when it is not an Anthropic client that can be derived from, or is wrapped already.
 * @throws {AttributionError} when an attribution value is not a string.
 */
export function wrapAnthropic<C extends AnthropicClient>(
  client: C,
  holdfast: object,
  attribution?: Attribution,
  options: WrapAnthropicOptions = {},
): C {
  const guard = guardOf(holdfast);
  const missing = missingParts(client);
  if (missing.length > 0) {
    throw new ClientNotSupportedError(
      `This is not an Anthropic client that can be wrapped: it has no ${missing.join(", ")}. Pass an instance of ` +
        `@anthropic-ai/sdk 0.50.1 or later, or of its Bedrock, Vertex or Foundry package 1.0 or later.`,
    );
  }
  if (isDerived(client)) {
    throw new ClientNotSupportedError(
      "This Anthropic client is wrapped already; wrapping it twice would charge each call twice.",
    );
  }
  const platform = platformOf(client);
  const derivable = client as unknown as DerivableClient;
  // Foundry speaks the Claude API itself.
  if ((platform.name === "bedrock" || platform.name === "vertex") && !adaptsInside(derivable)) {
    throw new ClientNotSupportedError(
      `This ${platform.name} client is too old: its requests and answers can only be seen in the platform's own form. ` +
        "Use the 1.x package.",
    );
  }
  return deriveClient(client, contextOf(client, guard, attribution, options));
}

/** One per location: a clone (`withOptions({ region })`) may be at another one, with prices of its own. */
function contextOf(
  wrapped: object,
  guard: Guard,
  attribution: Attribution | undefined,
  options: WrapAnthropicOptions,
): RequestContext {
  const threads = new Threads();
  const defaults = new AttributionDefaults(guard.context, attribution);
  const contexts = new Map<string, RequestContext>();
  const at = (client: object): RequestContext => {
    const platform = platformOf(client);
    let context = contexts.get(platform.geography);
    if (context === undefined) {
      context = {
        guard,
        defaults,
        provider: options.provider ?? platform.provider,
        platform,
        adapter: createAnthropicAdapter(platform, threads),
        exactInputTokens: options.exactInputTokens === true && platform.countsTokens,
        at,
      };
      contexts.set(platform.geography, context);
    }
    return context;
  };
  return at(wrapped);
}
