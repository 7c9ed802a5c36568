/** @module The rest of what is billed: embeddings, pictures, grounding, tiers, and the settings that bound a call. */
import { CallNotAllowedError, CallNotBoundedError } from "holdfast";
import { attributed } from "holdfast/google";
import { describe, expect, test } from "vitest";
import {
  clientKinds,
  collect,
  failure,
  genAIKinds,
  generativeAIKind,
  MODEL,
  newest,
  RATES,
  rig,
  vertex,
} from "./harness.ts";

const EMBEDDING = "gemini-embedding-001";
const config = { maxOutputTokens: 50 };

describe.each(genAIKinds)("$name", (kind) => {
  test("embeddings", async () => {
    await using at = await rig({ kind, server: { usage: () => ({ inputTokens: 6 }) } });
    const { embeddings } = await at.client.models.embedContent({ model: EMBEDDING, contents: "some text" });
    expect(embeddings).toHaveLength(1);
    await at.quiet();
    expect(at.events.usage).toMatchObject([
      { usageSource: "provider", usage: { inputTextTokens: 6 }, outputTokens: 0 },
    ]);
    expect(await at.balance()).toMatchObject({ held: 0, calls: 1 });
  });

  test("a service tier is held for, and the one that served is charged", async () => {
    await using at = await rig({ kind });
    at.server.script([{}, { serviceTier: "standard" }]);
    for (let i = 0; i < 2; i++) {
      await at.client.models.generateContent({
        model: MODEL,
        contents: "Hi",
        config: { ...config, serviceTier: "priority" as never },
      });
    }
    await at.quiet();
    const [first, second] = at.events.usage;
    expect(first).toMatchObject({ requestedServiceTier: "priority", servedServiceTier: "priority" });
    expect(first!.costNanoUsd).toBe(2 * (10 * RATES.input + 12 * RATES.output));
    expect(second).toMatchObject({
      servedServiceTier: "default",
      costNanoUsd: 10 * RATES.input + 12 * RATES.output,
    });
    expect(first!.heldNanoUsd).toBeGreaterThanOrEqual(first!.costNanoUsd);
  });

  test("a tier that only a header states is the one that is charged", async () => {
    await using at = await rig({ kind });
    const edit = (answer: Record<string, unknown>): unknown => {
      const {
        serviceTier: _,
        trafficType: __,
        ...usageMetadata
      } = answer["usageMetadata"] as Record<string, unknown>;
      return { ...answer, usageMetadata };
    };
    const headers = { "x-gemini-service-tier": "standard" };
    at.server.script([{ edit, headers } as never, { edit, headers } as never]);
    const ask = { model: MODEL, contents: "Hi", config: { ...config, serviceTier: "priority" as never } };
    await at.client.models.generateContent(ask);
    await collect(await at.client.models.generateContentStream(ask));
    await at.quiet();
    for (const record of at.events.usage) {
      expect(record).toMatchObject({ requestedServiceTier: "priority", servedServiceTier: "default" });
      expect(record.costNanoUsd).toBe(10 * RATES.input + 12 * RATES.output);
    }
  });

  test("a limit is sent along where the request states none", async () => {
    await using at = await rig({ kind, config: { estimate: { missingOutputLimit: { send: 33 } } } });
    await at.client.models.generateContent({ model: MODEL, contents: "Hi" });
    await at.quiet();
    expect(at.server.ledger[0]!.requestBody).toMatchObject({ generationConfig: { maxOutputTokens: 33 } });
  });

  test("extraBody is part of what is held for", async () => {
    await using at = await rig({
      kind,
      client: { http: { extraBody: { generationConfig: { maxOutputTokens: 77 } } } },
    });
    await at.client.models.generateContent({ model: MODEL, contents: "Hi", config });
    await at.quiet();
    expect(at.server.ledger[0]!.requestBody).toMatchObject({ generationConfig: { maxOutputTokens: 77 } });
    expect(at.events.usage[0]!.heldNanoUsd).toBeGreaterThan(77 * RATES.output);
    expect(at.events.of("meter-anomaly")).toEqual([]);
  });

  test("the exact count of the input, when it is asked for", async () => {
    await using at = await rig({
      kind,
      wrap: { exactInputTokens: true },
      server: { usage: () => ({ inputTokens: 900, outputTokens: 5 }) },
    });
    await at.client.models.generateContent({ model: MODEL, contents: "Hi", config });
    await collect(await at.client.models.generateContentStream({ model: MODEL, contents: "Hi", config }));
    await at.quiet();
    expect(at.server.ledger.filter(({ endpoint }) => endpoint !== ":countTokens")).toHaveLength(2);
    const counted = { contents: [{ role: "user", parts: [{ text: "Hi" }] }] };
    const counts = at.server.ledger.filter(({ endpoint }) => endpoint === ":countTokens");
    expect(counts).toHaveLength(2);
    for (const { requestBody } of counts) {
      // The Gemini API counts a whole request, Vertex AI its parts.
      expect(requestBody).toMatchObject(
        kind.vertex ? counted : { generateContentRequest: { ...counted, model: `models/${MODEL}` } },
      );
    }
    for (const record of at.events.usage) {
      expect(record.heldNanoUsd).toBe((Math.ceil(900 * 1.02) + 16) * RATES.input + 50 * RATES.output);
    }
    expect(at.events.of("meter-anomaly")).toEqual([]);
  });

  test("the exact count covers files, but not what a search will add", async () => {
    await using at = await rig({
      kind,
      wrap: { exactInputTokens: true },
      server: { usage: () => ({ inputTokens: 900, outputTokens: 5 }) },
    });
    const contents = [
      { role: "user", parts: [{ fileData: { fileUri: "gs://b/f.pdf", mimeType: "application/pdf" } }] },
    ];
    await at.client.models.generateContent({ model: MODEL, contents, config });
    await at.client.models.generateContent({
      model: MODEL,
      contents,
      config: { ...config, tools: [{ codeExecution: {} }] },
    });
    await at.quiet();
    const [file, search] = at.events.usage.map(({ heldNanoUsd }) => heldNanoUsd);
    expect(file).toBe((Math.ceil(900 * 1.02) + 16) * RATES.input + 50 * RATES.output);
    expect(search).toBe(128_000 * RATES.input + 50 * RATES.output);
  });

  test("a count that fails leaves the estimate", async () => {
    await using at = await rig({ kind, wrap: { exactInputTokens: true } });
    at.server.script([{ path: ":countTokens", status: 500 }]);
    await at.client.models.generateContent({ model: MODEL, contents: "Hi", config });
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ outcome: "complete" }]);
  });
});

describe("pictures", () => {
  test("of Imagen are billed each, on Vertex AI", async () => {
    await using at = await rig({ kind: vertex });
    await at.client.models.generateImages({
      model: "imagen-4.0-generate-001",
      prompt: "A cat",
      config: { numberOfImages: 2 },
    });
    await at.quiet();
    expect(at.events.usage).toMatchObject([
      { endpoint: "predict", usageSource: "provider", usage: { images: 2 }, costNanoUsd: 2 * 40_000_000 },
    ]);
    expect(at.events.usage[0]!.heldNanoUsd).toBe(2 * 40_000_000);
  });

  test("of Gemini are output tokens", async () => {
    await using at = await rig({ kind: newest });
    at.server.script([{ usage: { inputTokens: 10, outputTokens: 1_300, outputImageTokens: 1_290 } }]);
    await at.client.models.generateContent({
      model: "gemini-2.5-flash-image",
      contents: "A cat",
      config: { responseModalities: ["IMAGE"] },
    });
    await at.quiet();
    expect(at.events.usage).toMatchObject([
      {
        usage: { inputTextTokens: 10, outputTextTokens: 10, outputImageTokens: 1_290 },
        // USD 0.30, 2.50 and 30 per million (ai.google.dev/gemini-api/docs/pricing, 2026-11).
        costNanoUsd: 10 * 300 + 10 * 2_500 + 1_290 * 30_000,
      },
    ]);
  });

  test("a prediction that is not known is not bounded", async () => {
    await using at = await rig({ kind: vertex });
    const error = await failure(
      at.client.models.upscaleImage({
        model: MODEL,
        image: { imageBytes: "AAAA", mimeType: "image/png" },
        upscaleFactor: "x2",
      }),
    );
    expect(error).toBeInstanceOf(CallNotBoundedError);
    expect(at.server.ledger).toEqual([]);
  });
});

describe("grounding", () => {
  const tools = [{ googleSearch: {} }];
  test("costs by the query since Gemini 3", async () => {
    await using at = await rig({ kind: newest });
    at.server.script([{ google: { webSearchQueries: ["a", "b", "c"] } }]);
    await at.client.models.generateContent({
      model: "gemini-3.8-flash",
      contents: "Hi",
      config: { ...config, tools },
    });
    await at.quiet();
    expect(at.events.usage[0]!.usage).toMatchObject({ webSearches: 3 });
    expect(at.events.of("meter-anomaly")).toEqual([]);
  });

  test("costs by the prompt before, also in streams", async () => {
    await using at = await rig({ kind: newest });
    at.server.script([{ google: { webSearchQueries: ["a", "b"] } }, {}]);
    const ask = { model: "gemini-2.5-flash", contents: "Hi", config: { ...config, tools } };
    await collect(await at.client.models.generateContentStream(ask));
    await collect(await at.client.models.generateContentStream(ask));
    await at.quiet();
    expect(at.events.usage[0]!.usage).toMatchObject({ webSearches: 1 });
    expect(at.events.usage[1]!.usage).not.toHaveProperty("webSearches");
  });

  test("by somebody else's engine is not let through", async () => {
    await using at = await rig({ kind: vertex });
    const error = await failure(
      at.client.models.generateContent({
        model: MODEL,
        contents: "Hi",
        config: { ...config, tools: [{ enterpriseWebSearch: {} }] },
      }),
    );
    expect(error).toBeInstanceOf(CallNotAllowedError);
    expect(error.message).toContain('allow: ["agents"]');
  });
});

describe.each(clientKinds)("$name", (kind) => {
  test("failures are not billed", async () => {
    await using at = await rig({ kind });
    for (const status of [400, 404, 429, 500, 503]) {
      at.server.script([{ status }]);
      await failure(kind.ask(at.client, {}));
    }
    await at.quiet();
    expect(at.events.usage.map(({ outcome }) => outcome)).toEqual(Array(5).fill("refused"));
    expect(await at.balance()).toEqual({ spent: 0, held: 0, calls: 0 });
  });

  test("an answer that never came is charged in full", async () => {
    await using at = await rig({ kind });
    at.server.script([{ drop: true }]);
    await failure(kind.ask(at.client, {}));
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ outcome: "ambiguous", usageSource: "estimated" }]);
    expect((await at.balance()).spent).toBe(at.events.usage[0]!.heldNanoUsd);
  });

  test("tags of the wrapper, of the context and of the call", async () => {
    await using at = await rig({ kind, attribution: { agent: "a", team: "t" } });
    await at.holdfast.with({ user: "u1", team: "t2" }, () => kind.ask(at.client, {}));
    await at.quiet();
    expect(at.events.usage[0]!.attribution).toEqual({ agent: "a", team: "t2", user: "u1" });
  });
});

test("an attribution of its own, for one call", async () => {
  await using at = await rig({ kind: newest });
  await at.client.models.generateContent({
    model: MODEL,
    contents: "Hi",
    config: attributed({ user: "u1" }, config),
  });
  await using old = await rig({ kind: generativeAIKind });
  const model = old.client.getGenerativeModel({ model: MODEL, generationConfig: config });
  await model.generateContent("Hi", attributed({ user: "u2" }));
  await at.quiet();
  await old.quiet();
  expect(at.events.usage[0]!.attribution).toEqual({ user: "u1" });
  expect(old.events.usage[0]!.attribution).toEqual({ user: "u2" });
});

test("tries of retryOptions are attempts of one call", async () => {
  for (const kind of genAIKinds) {
    await using at = await rig({ kind, client: { maxRetries: 4 } });
    at.server.script([{ status: 503 }, { status: 429 }, {}]);
    await kind.ask(at.client, {});
    await at.quiet();
    expect(at.events.usage.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
      [1, "refused"],
      [2, "refused"],
      [3, "complete"],
    ]);
    expect(new Set(at.events.usage.map(({ callId }) => callId)).size).toBe(1);
    expect(await at.balance()).toEqual({ spent: at.billedNanoUsd, held: 0, calls: 1 });
  }
});
