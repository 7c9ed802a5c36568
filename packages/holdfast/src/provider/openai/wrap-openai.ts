/** @module `wrapOpenAI`: an OpenAI client that cannot overspend. */
import type { Attribution } from "../../attribution/attribution.ts";
import { ClientNotSupportedError } from "../../error/client-not-supported-error.ts";
import { AttributionDefaults } from "../../guard/attribution-context.ts";
import { guardOf } from "../guard-access.ts";
import { BatchInputs } from "./batch-input.ts";
import { billedProvider } from "./billed-provider.ts";
import { hidesItsFetch, missingParts, type DerivableClient } from "./client-shape.ts";
import { deriveClient, guardInPlace } from "./derive-client.ts";
import { isMetered } from "./metered-fetch.ts";
import type { OpenAIClient } from "./openai-client.ts";

export interface WrapOpenAIOptions {
  /**
   * The provider in the price list. State it for a compatible server whose prices are your own (`prices.overrides`).
   * @default by the client and its `baseURL`: "azure" for an Azure client, "aws" for Amazon Bedrock, the provider of a
   * well-known compatible API ("groq", "mistral", ...), else "openai"
   */
  readonly provider?: string;
  /**
   * Ask for usage in streams, and hide the extra chunk from an application that did not. Turn it off for a compatible
   * server that rejects `stream_options`; its streams are then charged by what was seen.
   * @default true
   */
  readonly includeUsage?: boolean;
  /**
   * Guard the given client itself instead of one that is derived from it: for subclasses whose constructor cannot make
   * another. Whoever holds the client then holds a guarded one.
   * @default false
   */
  readonly inPlace?: boolean;
}

/**
 * A client of the same class, with the same methods, types, helpers and errors, whose every call is held for before it
 * is sent and settled when it ends. The given client is left as it is, and is not guarded (see `inPlace`).
 *
 * @param holdfast what createHoldfast returned
 * @param attribution tags of every call of this client; `holdfast.with(...)` and `attributed(...)` win over them
 * @throws {ClientNotSupportedError} when it is not an OpenAI client of version 5 or later, or is wrapped already.
 * @throws {AttributionError} when an attribution value is not a string.
 */
export function wrapOpenAI<C extends OpenAIClient>(
  client: C,
  holdfast: object,
  attribution?: Attribution,
  options: WrapOpenAIOptions = {},
): C {
  const guard = guardOf(holdfast);
  const missing = missingParts(client);
  if (missing.length > 0) {
    throw new ClientNotSupportedError(
      `This is not an OpenAI client that can be wrapped: it has no ${missing.join(", ")}. Pass an OpenAI or AzureOpenAI ` +
        `instance of openai 5, 6 or 7.`,
    );
  }
  const derivable = client as unknown as DerivableClient;
  if (isMetered(derivable.fetch)) {
    throw new ClientNotSupportedError(
      "This OpenAI client is wrapped already; wrapping it twice would charge each call twice.",
    );
  }
  if (hidesItsFetch(client)) {
    throw new ClientNotSupportedError(
      "This OpenAI client authenticates by an X.509 certificate and lets nobody see its requests, so what they cost cannot " +
        "be followed. Use a client with an API key, or with a workload identity of another kind.",
    );
  }
  const provider = options.provider ?? billedProvider(derivable);
  const context = {
    guard,
    defaults: new AttributionDefaults(guard.context, attribution),
    provider,
    includeUsage: options.includeUsage ?? true,
    inputs: new BatchInputs(guard, provider),
  };
  if (options.inPlace === true) return guardInPlace(client, context);
  try {
    return deriveClient(client, context);
  } catch (cause) {
    throw new ClientNotSupportedError(
      "No client can be derived from this one, since its class cannot be constructed again. Guard the client itself: " +
        "wrapOpenAI(client, holdfast, attribution, { inPlace: true }).",
      { cause },
    );
  }
}
