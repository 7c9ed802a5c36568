/**
 * @module Compile-time checks, run by `tsc -p tsconfig.tests.json`: the middlewares fit the wrap functions of both majors
 * without a cast, and wrapping gives the SDK's own model type.
 */
import * as ai7 from "ai";
import * as ai6 from "ai-v6";
import type { Holdfast } from "holdfast";
import { holdfastEmbeddingMiddleware, holdfastImageMiddleware, holdfastMiddleware } from "holdfast/ai-sdk";

type Language7 = Parameters<typeof ai7.wrapLanguageModel>[0]["model"];
type Embedding7 = Parameters<typeof ai7.wrapEmbeddingModel>[0]["model"];
type Image7 = Parameters<typeof ai7.wrapImageModel>[0]["model"];
type Language6 = Parameters<typeof ai6.wrapLanguageModel>[0]["model"];
type Embedding6 = Parameters<typeof ai6.wrapEmbeddingModel>[0]["model"];
type Image6 = Parameters<typeof ai6.wrapImageModel>[0]["model"];

declare const holdfast: Holdfast;
declare const language7: Language7;
declare const embedding7: Embedding7;
declare const image7: Image7;
declare const language6: Language6;
declare const embedding6: Embedding6;
declare const image6: Image6;

/** Never called. */
export function wrappedTypes(): unknown {
  const language = holdfastMiddleware(holdfast, { tenant: "acme" }, { provider: "azure", model: "m" });
  const embedding = holdfastEmbeddingMiddleware(holdfast);
  const image = holdfastImageMiddleware(holdfast);
  const wrapped7: ReturnType<typeof ai7.wrapLanguageModel> = ai7.wrapLanguageModel({
    model: language7,
    middleware: language,
  });
  const listed7 = ai7.wrapLanguageModel({
    model: language7,
    middleware: [ai7.extractReasoningMiddleware({ tagName: "think" }), language],
  });
  const listed6 = ai6.wrapLanguageModel({
    model: language6,
    middleware: [ai6.extractReasoningMiddleware({ tagName: "think" }), language],
  });
  return [
    wrapped7,
    listed7,
    listed6,
    ai7.wrapEmbeddingModel({ model: embedding7, middleware: embedding }),
    ai7.wrapImageModel({ model: image7, middleware: image }),
    ai7.wrapProvider({
      provider: ai7.customProvider({}),
      languageModelMiddleware: language,
      imageModelMiddleware: image,
    }),
    ai6.wrapLanguageModel({ model: language6, middleware: language }),
    ai6.wrapEmbeddingModel({ model: embedding6, middleware: embedding }),
    ai6.wrapImageModel({ model: image6, middleware: image }),
  ];
}
