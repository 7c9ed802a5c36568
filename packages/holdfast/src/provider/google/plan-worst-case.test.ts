import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { guardKit } from "../../../test/support/guard-kit.ts";
import { settlementOf } from "../../guard/settlement.ts";
import type { Body } from "../request/request-shape.ts";
import { googleAdapter } from "./adapter.ts";
import { planFields, type RequestContext } from "./guarded-request.ts";
import { AttributionDefaults } from "../../guard/attribution-context.ts";
import type { CallPlan } from "../../guard/call-plan.ts";

const { guard } = guardKit();
const context: RequestContext = {
  guard,
  defaults: new AttributionDefaults(guard.context, undefined),
  provider: "google",
  exactInputTokens: false,
};
const plan = (body: Body): CallPlan => planFields(context, "generateContent", body).plan;
const priceOf = (model: string): ReturnType<typeof guard.servedPrice> => guard.servedPrice("google", model);

const MODELS = [
  "gemini-2.5-flash",
  "gemini-2.5-pro",
  "gemini-3-pro-preview",
  "gemini-3.8-flash",
  "gemini-2.5-flash-image",
  "gemini-2.0-flash",
];
const known = MODELS.filter((model) => priceOf(model) !== undefined);

const modalities = (of: Readonly<Record<string, number>>): object[] =>
  Object.entries(of).map(([modality, tokenCount]) => ({ modality, tokenCount }));

describe("what can be billed within the stated worst case", () => {
  it("is tried on several models", () => {
    expect(known.length).toBeGreaterThanOrEqual(4);
  });

  it("never costs more than what is held, in whatever buckets and at whatever tier it is reported", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const request = fc.record({
      model: fc.constantFrom(...known),
      serviceTier: fc.constantFrom(undefined, "standard", "flex", "priority"),
      words: fc.integer({ min: 0, max: 60_000 }),
      limit: fc.integer({ min: 1, max: 20_000 }),
      candidates: fc.integer({ min: 1, max: 3 }),
      pictures: fc.integer({ min: 0, max: 3 }),
      sound: fc.integer({ min: 0, max: 3 }),
      cached: fc.boolean(),
      search: fc.boolean(),
    });
    fc.assert(
      fc.property(
        request,
        fc.tuple(share, share, share, share, share),
        fc.boolean(),
        (asked, shares, downgraded) => {
          const { model, serviceTier, words, limit, candidates, pictures, sound, cached, search } = asked;
          const data = "A".repeat(10_000);
          const held = plan({
            model,
            serviceTier,
            contents: [
              {
                parts: [
                  { text: "word ".repeat(words) },
                  ...Array.from({ length: pictures }, () => ({
                    inlineData: { mimeType: "image/png", data },
                  })),
                  ...Array.from({ length: sound }, () => ({ inlineData: { mimeType: "audio/mp3", data } })),
                ],
              },
            ],
            ...(cached ? { cachedContent: "cachedContents/c" } : {}),
            ...(search ? { tools: [{ googleSearch: {} }] } : {}),
            generationConfig: { maxOutputTokens: limit, candidateCount: candidates },
          });
          const [a, b, c, d, e] = shares;
          const { usage } = held.estimate;
          const image = Math.floor((usage.inputImageTokens ?? 0) * a);
          const audio = cached ? 0 : Math.floor((usage.inputAudioTokens ?? 0) * b);
          // What the cache holds may be of any kind, and is held at the dearest.
          const total = (usage.inputTextTokens ?? 0) + (cached ? (usage.inputAudioTokens ?? 0) : 0);
          const text = Math.floor(total * c);
          const prompt = image + audio + text;
          const read = Math.floor(text * d);
          const output = limit * candidates;
          const thoughts = Math.floor(output * e);
          const { usage: reading, served } = googleAdapter.reader.answer(
            {
              candidates: search ? [{ groundingMetadata: { webSearchQueries: ["1", "2", "3"] } }] : [],
              usageMetadata: {
                promptTokenCount: prompt,
                promptTokensDetails: modalities({ TEXT: text, IMAGE: image, AUDIO: audio }),
                cachedContentTokenCount: read,
                cacheTokensDetails: modalities({ TEXT: read }),
                candidatesTokenCount: output - thoughts,
                thoughtsTokenCount: thoughts,
                totalTokenCount: prompt + output,
                serviceTier: downgraded ? "standard" : (serviceTier ?? "standard"),
              },
            },
            held,
          );
          if (reading.kind !== "usage") throw new Error(JSON.stringify(reading));
          const { costNanoUsd, anomalies } = settlementOf(
            { class: "complete", status: 200, providerRequestId: null, served, usage: reading.usage },
            held,
            guard.settings.settlement,
            priceOf,
            true,
          );
          expect(anomalies.filter(({ anomaly }) => anomaly !== "usage-zero")).toEqual([]);
          expect(costNanoUsd).toBeLessThanOrEqual(held.worstCaseNanoUsd);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("content that is only referred to is held at the dearest kind", () => {
    const model = "gemini-2.5-flash";
    const price = priceOf(model)!;
    expect(price.rates.inputAudioTokens).toBeGreaterThan(price.rates.inputTextTokens);
    const { estimate } = plan({
      model,
      contents: [{ parts: [{ fileData: { fileUri: "u", mimeType: "audio/mp3" } }] }],
      generationConfig: { maxOutputTokens: 1 },
    });
    expect(estimate).toMatchObject({
      inputBound: "context-window",
      usage: { inputAudioTokens: price.contextWindowTokens },
    });
    const text = plan({
      model,
      contents: [{ parts: [{ fileData: { fileUri: "u", mimeType: "text/plain" } }] }],
      generationConfig: { maxOutputTokens: 1 },
    });
    expect(text.estimate.usage.inputTextTokens).toBe(price.contextWindowTokens);
  });

  it("a request without a limit is held at the model's maximum", () => {
    const { estimate } = plan({ model: "gemini-2.5-flash", contents: "Hi" });
    expect(estimate).toMatchObject({ outputBound: "model-maximum", outputTokensPerChoice: 65_536 });
  });

  it("output of the dearest kind is charged as far as it was seen, when that is video", () => {
    const held = plan({ model: "gemini-2.5-flash", contents: "Hi" });
    const video: CallPlan = {
      ...held,
      estimate: { ...held.estimate, usage: { inputTextTokens: 10, outputVideoTokens: 1_000 } },
    };
    const { usage } = settlementOf(
      {
        class: "partial",
        status: 200,
        providerRequestId: null,
        served: { model: null, serviceTier: null },
        seenOutputTokens: 40,
        statedInput: { inputTextTokens: 5 },
        finished: true,
      },
      video,
      guard.settings.settlement,
      priceOf,
      true,
    );
    expect(usage).toMatchObject({ inputTextTokens: 5, outputVideoTokens: 40 });
  });
});
