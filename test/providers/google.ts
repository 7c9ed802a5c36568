/** @module The Google clients of the matrix: the Gemini API and Vertex AI, both majors, and the SDK that came before. */
import type { ProviderUnderTest } from "@holdfast/testkit/provider-suite";
import { wrapGoogle } from "holdfast/google";
import { clientKinds, genAIKinds, MODEL, newest } from "../google/harness.ts";
import type { AnyGoogle, ClientKind, GenAI } from "../google/harness.ts";

interface Piece {
  readonly candidates?: readonly {
    readonly content?: { readonly parts?: readonly { readonly text?: string }[] };
  }[];
}

function underTest(kind: ClientKind): ProviderUnderTest<AnyGoogle> {
  const isGenAI = genAIKinds.some(({ name }) => name === kind.name);
  return {
    name: kind.name,
    provider: "google",
    model: MODEL,
    makeClient: (server, settings) => kind.make(server, settings),
    wrap: (client, holdfast, attribution) => wrapGoogle(client, holdfast, attribution),
    ask: (client, ask) => kind.ask(client, ask),
    stream: (client, ask) => kind.stream(client, ask),
    textOf: (piece) =>
      (piece as Piece).candidates?.[0]?.content?.parts?.map(({ text }) => text ?? "").join("") ?? "",
    retries: kind.retries,
    takesSignal: true,
    // The older SDK keeps on reading for its `response`.
    breakCancels: isGenAI,
    ...(isGenAI
      ? {
          bypasses: {
            live: (client) =>
              (client as GenAI).live.connect({ model: MODEL, callbacks: { onmessage: () => undefined } }),
            "a context cache": (client) =>
              (client as GenAI).caches.create({ model: MODEL, config: { contents: "Hi" } }),
          },
        }
      : {}),
    ...(kind.name === newest.name ? {} : { cuts: [0, 1, 10, 19, 20] }),
  };
}

export const googleClients: readonly ProviderUnderTest<AnyGoogle>[] = clientKinds.map(underTest);
