/** @module The Vercel AI SDK's models of the matrix, under the middleware: both majors, and three providers. */
import type { ProviderUnderTest } from "@holdfast/testkit/provider-suite";
import { holdfastMiddleware } from "holdfast/ai-sdk";
import { chat6, chat7, kinds } from "../ai-sdk/harness.ts";
import type { Kind, Model } from "../ai-sdk/harness.ts";

/** A model is made for one name, so what the application holds is a way to make one. */
interface Models {
  readonly of: (modelId: string) => Model;
  readonly maxRetries: number;
}

interface Part {
  readonly type?: string;
  readonly text?: string;
  readonly error?: unknown;
}

function underTest(kind: Kind): ProviderUnderTest<Models> {
  const { ai } = kind;
  return {
    name: kind.name,
    provider: kind.provider,
    model: kind.modelId,
    makeClient: (server, { maxRetries, apiKey }) => ({
      of: (modelId) => kind.make(server as never, modelId, { apiKey }),
      maxRetries,
    }),
    wrap: (models, holdfast, attribution) => ({
      ...models,
      of: (modelId) =>
        ai.wrapLanguageModel({
          model: models.of(modelId),
          middleware: holdfastMiddleware(holdfast, attribution),
        }) as Model,
    }),
    // Each wrapping is a middleware of its own, as with every middleware of the SDK.
    refusesSecondWrap: false,
    ask: async ({ of, maxRetries }, { model, prompt, maxOutputTokens, signal }) => {
      const result = await ai.generateText({
        model: of(model),
        prompt,
        maxOutputTokens,
        maxRetries,
        ...(signal === undefined ? {} : { abortSignal: signal }),
      });
      return { text: result.text, usage: result.usage, finishReason: result.finishReason };
    },
    stream: async ({ of, maxRetries }, { model, prompt, maxOutputTokens, signal }) => {
      const errors: unknown[] = [];
      const result = ai.streamText({
        model: of(model),
        prompt,
        maxOutputTokens,
        maxRetries,
        onError: ({ error }) => void errors.push(error),
        ...(signal === undefined ? {} : { abortSignal: signal }),
      });
      return partsOf(result.fullStream);
    },
    textOf: (piece) => {
      const { type, text } = piece as Part;
      return type === "text-delta" ? (text ?? "") : "";
    },
    // The SDK's own error for a request that was tried again carries what ended it.
    denialOf: (error) => (error as { lastError?: unknown } | undefined)?.lastError ?? error,
    retries: kind === chat7 || kind === chat6,
    takesSignal: true,
    isRandomId: (text) => /^(aitxt-|msg-|call-)?[A-Za-z0-9]{16,24}$/.test(text),
    // The result keeps on reading for its promises.
    breakCancels: false,
    cuts: [0, 1, 10, 19, 20],
  };
}

/** The parts of a stream; an error that the SDK puts among them is raised, as an application would. */
async function* partsOf(stream: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  for await (const part of stream) {
    if ((part as Part).type === "error") throw (part as Part).error;
    yield part;
  }
}

export const aiSdkModels: readonly ProviderUnderTest<Models>[] = kinds.map(underTest);
