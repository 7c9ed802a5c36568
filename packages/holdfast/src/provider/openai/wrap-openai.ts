/** @module `wrapOpenAI`: an OpenAI client that cannot overspend. */
import type { Attribution } from "../../attribution/attribution.ts";
import { ClientNotSupportedError } from "../../error/client-not-supported-error.ts";
import { AttributionDefaults } from "../../guard/attribution-context.ts";
import { guardOf } from "../guard-access.ts";
import { missingParts, type DerivableClient } from "./client-shape.ts";
import { deriveClient } from "./derive-client.ts";
import { isMetered } from "./metered-fetch.ts";
import type { OpenAIClient } from "./openai-client.ts";

export interface WrapOpenAIOptions {
  /**
   * The provider in the price list.
   * @default "azure" for an Azure client, else "openai"
   */
  readonly provider?: string;
  /**
   * Ask for usage in streams, and hide the extra chunk from an application that did not. Turn it off for a compatible
   * server that rejects `stream_options`; its streams are then charged by what was seen.
   * @default true
   */
  readonly includeUsage?: boolean;
}

/**
 * A client of the same class, with the same methods, types, helpers and errors, whose every call is held for before it
 * is sent and settled when it ends. The given client is left as it is, and is not guarded.
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
  const provider = options.provider ?? (derivable.apiVersion === undefined ? "openai" : "azure");
  return deriveClient(client, {
    guard,
    defaults: new AttributionDefaults(guard.context, attribution),
    provider,
    includeUsage: options.includeUsage ?? true,
  });
}
