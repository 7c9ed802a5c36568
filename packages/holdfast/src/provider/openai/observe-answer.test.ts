import { describe, expect, it } from "vitest";
import { beginNow, guardKit, type GuardKit } from "../../../test/support/guard-kit.ts";
import type { UsageRecord } from "../../meter/usage-record.ts";
import type { Usage } from "../../usage/usage.ts";
import type { MeteredEndpoint } from "./endpoint.ts";
import { planRequest } from "../plan-request.ts";
import { openaiAdapter } from "./adapter.ts";
import { UsageHider } from "./hide-usage.ts";
import { openaiReader } from "./reader.ts";
import type { Body } from "../request/request-shape.ts";
import { observeAnswer } from "../observe/observe-answer.ts";

const messages = [{ role: "user", content: "hello" }];
const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };
const EVENTS_TYPE = { "content-type": "text/event-stream" };
const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const sse = (...events: unknown[]): string =>
  events.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`).join("");

interface Observed {
  readonly kit: GuardKit;
  readonly abort: AbortController;
  readonly heldNanoUsd: number;
  record(): UsageRecord | undefined;
}

interface Given {
  readonly endpoint?: MeteredEndpoint;
  readonly body?: Body;
  readonly hideUsage?: boolean;
  readonly fees?: Usage;
}

/** The response, on the way from a fetch to the application. */
function observe(response: Response, given: Given = {}): Observed {
  const { endpoint = "chat.completions", body = { model: "gpt-4o-mini", messages, max_tokens: 1_000 } } =
    given;
  const kit = guardKit();
  const { plan } = planRequest(kit.guard, openaiAdapter, "openai", endpoint, body, undefined);
  const attempt = beginNow(kit.guard.startCall(plan));
  const abort = new AbortController();
  observeAnswer(response, {
    plan,
    attempt,
    settings: kit.guard.settings,
    unreportedFees: given.fees ?? {},
    reader: openaiReader,
    createFilter: given.hideUsage === true ? () => new UsageHider() : undefined,
    signal: abort.signal,
    now: () => kit.clock.now(),
  });
  return {
    kit,
    abort,
    heldNanoUsd: plan.worstCaseNanoUsd,
    record: () => {
      const records = kit.events().usage;
      expect(records.length).toBeLessThanOrEqual(1);
      return records[0];
    },
  };
}

const json = (body: unknown, init: ResponseInit = {}): Response =>
  new Response(typeof body === "string" ? body : JSON.stringify(body), { headers: JSON_TYPE, ...init });
const events = (text: string): Response => new Response(text, { headers: EVENTS_TYPE });

describe("a status", () => {
  it.each([
    [400, "refused", 0],
    [401, "refused", 0],
    [404, "refused", 0],
    [408, "refused", 0],
    [409, "refused", 0],
    [429, "refused", 0],
    [500, "refused", 0],
    [503, "refused", 0],
    [504, "ambiguous", "held"],
    [524, "ambiguous", "held"],
  ] as const)("%d is %s, before anybody reads the body", (status, outcome, cost) => {
    const observed = observe(
      json({ error: { message: "x" } }, { status, headers: { ...JSON_TYPE, "x-request-id": "r1" } }),
    );
    expect(observed.record()).toMatchObject({
      outcome,
      status,
      providerRequestId: "r1",
      costNanoUsd: cost === "held" ? observed.heldNanoUsd : 0,
    });
  });
});

describe("a JSON answer", () => {
  const answer = { id: "c", model: "gpt-4o-mini-2024-07-18", service_tier: "default", choices: [], usage };

  it.each<[string, (response: Response) => Promise<unknown>]>([
    ["json", (response) => response.json()],
    ["text", (response) => response.text()],
    ["arrayBuffer", (response) => response.arrayBuffer()],
    ["a clone", (response) => response.clone().json()],
  ])("read by %s is settled with its own usage", async (_, read) => {
    const response = json(answer);
    const observed = observe(response);
    expect(observed.record()).toBeUndefined();
    await read(response);
    expect(observed.record()).toMatchObject({
      outcome: "complete",
      status: 200,
      servedModel: "gpt-4o-mini-2024-07-18",
      servedServiceTier: "default",
      usageSource: "provider",
      usage: { inputTextTokens: 10, outputTextTokens: 5 },
      // 0.15 and 0.60 USD per million tokens.
      costNanoUsd: 10 * 150 + 5 * 600,
    });
  });

  it.each<[string, unknown, string]>([
    ["no usage", { choices: [] }, "usage-missing"],
    ["usage that contradicts itself", { ...answer, usage: { ...usage, total_tokens: 99 } }, "usage-invalid"],
    ["negative usage", { ...answer, usage: { ...usage, prompt_tokens: -1 } }, "usage-invalid"],
    ["no object", "[]", "usage-missing"],
  ])("with %s is charged as held, and reported", async (_, body, anomaly) => {
    const response = json(body);
    const observed = observe(response);
    await response.text();
    expect(observed.record()).toMatchObject({
      outcome: "complete",
      usageSource: "estimated",
      costNanoUsd: observed.heldNanoUsd,
    });
    expect(observed.kit.events()["meter-anomaly"].map((event) => event.anomaly)).toContain(anomaly);
  });

  it("with absurd usage breaks nothing, and is charged as held at least", async () => {
    const response = json({
      ...answer,
      usage: {
        prompt_tokens: Number.MAX_SAFE_INTEGER,
        completion_tokens: 0,
        total_tokens: Number.MAX_SAFE_INTEGER,
      },
    });
    const observed = observe(response);
    await expect(response.json()).resolves.toMatchObject({ id: "c" });
    expect(observed.record()?.costNanoUsd).toBeGreaterThanOrEqual(observed.heldNanoUsd);
  });

  it("that nobody finishes reading may have been billed", async () => {
    const response = json(answer);
    const observed = observe(response);
    await response.body?.cancel();
    expect(observed.record()).toMatchObject({ outcome: "ambiguous", costNanoUsd: observed.heldNanoUsd });
  });

  it.each([
    ["an empty body", new Response(null, { headers: JSON_TYPE })],
    ["no content", new Response(null, { status: 204 })],
    ["a length of zero", new Response(null, { headers: { ...JSON_TYPE, "content-length": "0" } })],
  ])("with %s is charged as held", async (_, response) => {
    const observed = observe(response);
    // Of the latter two the SDK reads no body.
    if (response.status === 200 && response.headers.get("content-length") === null) await response.text();
    expect(observed.record()).toMatchObject({ outcome: "complete", costNanoUsd: observed.heldNanoUsd });
  });

  it("has fees added that it does not report, and keeps those that it does", async () => {
    const silent = json(answer);
    const observed = observe(silent, { fees: { webSearches: 1 } });
    await silent.json();
    expect(observed.record()?.usage).toMatchObject({ webSearches: 1 });
  });
});

describe("a picture", () => {
  const body = { model: "gpt-image-1.5", prompt: "a cat", quality: "low" };
  const tokens = {
    input_tokens: 10,
    input_tokens_details: { text_tokens: 10, image_tokens: 0 },
    output_tokens: 272,
    total_tokens: 282,
  };
  /** 5 USD per million in, 32 per million out as pictures (10 as text). */
  const cost = 10 * 5_000 + 272 * 32_000;

  it.each<[string, Response]>([
    [
      "with its details",
      json({ data: [], usage: { ...tokens, output_tokens_details: { image_tokens: 272, text_tokens: 0 } } }),
    ],
    ["without details", json({ data: [], usage: tokens })],
    ["without details, large", json({ data: [{ b64_json: "A".repeat(100_000) }], usage: tokens })],
  ])("%s costs what pictures cost", async (_, response) => {
    const observed = observe(response, { endpoint: "images.generations", body });
    await response.json();
    expect(observed.record()).toMatchObject({ usageSource: "provider", costNanoUsd: cost });
  });

  it.each([10, 100_000])(
    "with another model's bill beside it is charged as held (%i characters)",
    async (size) => {
      const svg_usage = { model: "gpt-5", input_tokens: 100, output_tokens: 60, total_tokens: 160 };
      const response = json({ data: [{ b64_json: "A".repeat(size) }], usage: tokens, svg_usage });
      const observed = observe(response, { endpoint: "images.generations", body });
      await response.text();
      expect(observed.record()).toMatchObject({
        usageSource: "estimated",
        costNanoUsd: observed.heldNanoUsd,
      });
    },
  );

  it("without details in a stream costs what pictures cost", async () => {
    const response = events(sse({ type: "image_generation.completed", b64_json: "AAAA", usage: tokens }));
    const observed = observe(response, { endpoint: "images.generations", body: { ...body, stream: true } });
    await response.text();
    expect(observed.record()).toMatchObject({ usageSource: "provider", costNanoUsd: cost });
  });
});

describe("sound and vectors", () => {
  it("speech is charged by what was spoken, and its body is left alone", () => {
    const response = new Response(new Uint8Array(10), { headers: { "content-type": "audio/mpeg" } });
    const { body } = response;
    const observed = observe(response, {
      endpoint: "audio.speech",
      body: { model: "gpt-4o-mini-tts", input: "hello", voice: "x" },
    });
    expect(observed.record()).toMatchObject({ outcome: "complete", usageSource: "estimated" });
    expect(observed.record()?.costNanoUsd).toBeGreaterThan(0);
    expect([response.body === body, response.bodyUsed]).toEqual([true, false]);
  });

  it("a transcript says how long it took", async () => {
    const response = json({ text: "x", usage: { type: "duration", seconds: 6 } });
    const observed = observe(response, {
      endpoint: "audio.transcriptions",
      body: { model: "whisper-1", file: new File(["x".repeat(1_000)], "a.wav") },
    });
    await response.json();
    expect(observed.record()?.usage).toEqual({ audioMs: 6_000 });
  });

  it("large vectors are settled with their own usage", async () => {
    const response = json({
      model: "text-embedding-3-small",
      data: [{ embedding: Array.from({ length: 20_000 }, () => 0.5) }],
      usage: { prompt_tokens: 7, total_tokens: 7 },
    });
    const observed = observe(response, {
      endpoint: "embeddings",
      body: { model: "text-embedding-3-small", input: "hello" },
    });
    await response.text();
    expect(observed.record()).toMatchObject({
      usageSource: "provider",
      usage: { inputTextTokens: 7 },
      servedModel: "text-embedding-3-small",
    });
  });
});
