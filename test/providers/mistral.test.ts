/** @module The provider suite on the wrapper of examples/your-own-provider: a stranger's adapter passes it too. */
import type { ProviderUnderTest } from "@holdfast/testkit/provider-suite";
import { providerSuite } from "@holdfast/testkit/provider-suite";
import type { Holdfast } from "holdfast";
import { Mistral } from "../../examples/your-own-provider/node_modules/@mistralai/mistralai/esm/index.js";
import { denialOf, wrapMistral } from "../../examples/your-own-provider/wrap-mistral.ts";

const mistral: ProviderUnderTest<Mistral> = {
  name: "@mistralai/mistralai 2",
  provider: "mistral",
  model: "mistral-small-test",
  makeClient: ({ origin }, { apiKey }) => new Mistral({ apiKey, serverURL: origin }),
  wrap: (client, holdfast, attribution) => wrapMistral(client, holdfast as Holdfast, attribution),
  ask: (client, { model, prompt, maxOutputTokens, signal }) =>
    client.chat.complete(
      { model, messages: [{ role: "user", content: prompt }], maxTokens: maxOutputTokens },
      signal === undefined ? {} : { fetchOptions: { signal } },
    ),
  stream: (client, { model, prompt, maxOutputTokens, signal }) =>
    client.chat.stream(
      { model, messages: [{ role: "user", content: prompt }], maxTokens: maxOutputTokens },
      signal === undefined ? {} : { fetchOptions: { signal } },
    ),
  textOf: (piece) => {
    const content = (piece as { data?: { choices?: { delta?: { content?: unknown } }[] } }).data?.choices?.[0]
      ?.delta?.content;
    return typeof content === "string" ? content : "";
  },
  denialOf,
  retries: false,
  step: { usageUnasked: true },
  takesSignal: true,
  bypasses: {
    "an agent": (client) =>
      client.agents.complete({ agentId: "a", messages: [{ role: "user", content: "Hi" }] }),
    "an endpoint that the adapter does not know": (client) =>
      client.fim.complete({ model: "codestral-latest", prompt: "def" }),
  },
};

providerSuite(mistral);
