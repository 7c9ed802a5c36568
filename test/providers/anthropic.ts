/** @module The Anthropic clients of the matrix: every SDK version, and every platform. */
import type { ProviderUnderTest } from "@holdfast/testkit/provider-suite";
import { wrapAnthropic } from "holdfast/anthropic";
import { clientKinds, MODEL } from "../anthropic/harness.ts";
import type { Anthropic, ClientKind } from "../anthropic/harness.ts";

interface TextDelta {
  readonly type?: string;
  readonly delta?: { readonly text?: string };
}

function underTest(kind: ClientKind): ProviderUnderTest<Anthropic> {
  return {
    name: kind.name,
    provider: kind.provider,
    model: MODEL,
    makeClient: (server, settings) => kind.make(server, { ...settings }),
    wrap: (client, holdfast, attribution) => wrapAnthropic(client, holdfast, attribution),
    ask: (client, { model, prompt, maxOutputTokens, signal }) =>
      client.messages.create(
        { model, messages: [{ role: "user", content: prompt }], max_tokens: maxOutputTokens },
        signal === undefined ? {} : { signal },
      ),
    stream: (client, { model, prompt, maxOutputTokens, signal }) =>
      client.messages.create(
        { model, messages: [{ role: "user", content: prompt }], max_tokens: maxOutputTokens, stream: true },
        signal === undefined ? {} : { signal },
      ),
    textOf: (piece) => {
      const { type, delta } = piece as TextDelta;
      return type === "content_block_delta" ? (delta?.text ?? "") : "";
    },
    retries: true,
    takesSignal: true,
    bypasses: {
      agents: (client) => client.post("/v1/sessions", { body: {} }),
      "an unknown endpoint": (client) => client.post("/v1/mystery", { body: {} }),
    },
    // The same code below the platforms: every point once is enough.
    ...(kind.name.startsWith("@anthropic-ai") || kind.name.startsWith("AnthropicBedrock ")
      ? {}
      : { cuts: [0, 1, 10, 19, 20] }),
  };
}

export const anthropicClients: readonly ProviderUnderTest<Anthropic>[] = clientKinds.map(underTest);
