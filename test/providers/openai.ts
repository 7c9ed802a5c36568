/** @module The OpenAI clients of the matrix. */
import type { ProviderUnderTest } from "@holdfast/testkit/provider-suite";
import { wrapOpenAI } from "holdfast/openai";
import type { WrapOpenAIOptions } from "holdfast/openai";
import { BedrockOpenAI } from "openai";
import { bedrock } from "openai/providers/bedrock";
import { allClientKinds, build, clientKinds, MODEL, newest } from "../openai/harness.ts";
import type { ClientKind, OpenAI } from "../openai/harness.ts";

type Kind = Omit<ClientKind, "azure"> & { readonly provider: string; readonly wrap?: WrapOpenAIOptions };

function underTest(kind: Kind): ProviderUnderTest<OpenAI> {
  return {
    name: kind.name,
    provider: kind.provider,
    model: MODEL,
    makeClient: (server, settings) => kind.make(server, { ...settings }),
    wrap: (client, holdfast, attribution) => wrapOpenAI(client, holdfast, attribution, kind.wrap),
    wrapsInPlace: kind.wrap?.inPlace === true,
    ask: (client, { model, prompt, maxOutputTokens, signal }) =>
      client.chat.completions.create(
        { model, messages: [{ role: "user", content: prompt }], max_tokens: maxOutputTokens },
        signal === undefined ? {} : { signal },
      ),
    stream: (client, { model, prompt, maxOutputTokens, signal }) =>
      client.chat.completions.create(
        { model, messages: [{ role: "user", content: prompt }], max_tokens: maxOutputTokens, stream: true },
        signal === undefined ? {} : { signal },
      ),
    textOf: (piece) =>
      (piece as { choices?: { delta?: { content?: string | null } }[] }).choices?.[0]?.delta?.content ?? "",
    retries: true,
    takesSignal: true,
    bypasses: {
      realtime: (client) => client.post("/realtime/sessions", { body: {} }),
      "an unknown endpoint": (client) => client.post("/mystery", { body: {} }),
    },
    // Usage is asked for in streams, and hidden again.
    withoutAdditions: ({ stream_options: asked, ...body }) => {
      const { include_usage: _, ...others } = (asked ?? {}) as Record<string, unknown>;
      return Object.keys(others).length === 0 ? body : { ...body, stream_options: others };
    },
    ...(kind.sdk === newest ? {} : { cuts: [0, 1, 10, 19, 20] }),
  };
}

/** Amazon Bedrock's compatible endpoint: a client of its own, and a provider of the plain client. */
const onBedrock: readonly Kind[] = [
  {
    name: "openai 7, BedrockOpenAI",
    sdk: newest,
    provider: "aws",
    wrap: { provider: "aws" },
    make: (server, options) => build(BedrockOpenAI, { ...options, baseURL: server.url }),
  },
  {
    name: "openai 7, provider: bedrock()",
    sdk: newest,
    provider: "aws",
    wrap: { provider: "aws" },
    make: (server, { apiKey, ...options } = {}) =>
      build(newest.OpenAI, {
        ...options,
        provider: bedrock({ apiKey: apiKey as string, baseURL: server.url }),
      }),
  },
];

export const openaiClients: readonly ProviderUnderTest<OpenAI>[] = [
  ...allClientKinds.map((kind) => ({ ...kind, provider: kind.azure ? "azure" : "openai" })),
  ...onBedrock,
  ...clientKinds.map((kind) => ({
    ...kind,
    name: `${kind.name}, in place`,
    provider: "openai",
    wrap: { inPlace: true },
  })),
].map(underTest);
