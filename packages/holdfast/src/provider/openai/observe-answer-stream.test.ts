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
  const { plan } = planRequest(
    kit.guard,
    openaiAdapter,
    "openai",
    endpoint,
    { ...body, stream: true },
    undefined,
  );
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

const events = (text: string): Response => new Response(text, { headers: EVENTS_TYPE });

describe("a stream", () => {
  const chunk = (content: string, more: object = {}) => ({
    model: "gpt-4o-mini",
    choices: [{ delta: { content } }],
    ...more,
  });
  const whole = sse(chunk("hi", { usage: null }), { choices: [], usage }, "[DONE]");

  it.each([false, true])("read to its end is settled with its own usage (hidden: %s)", async (hideUsage) => {
    const response = events(whole);
    const observed = observe(response, { hideUsage });
    const text = await new Response(response.body).text();
    expect(text).toBe(hideUsage ? sse(chunk("hi"), "[DONE]") : whole);
    expect(observed.record()).toMatchObject({
      outcome: "complete",
      usage: { inputTextTokens: 10, outputTextTokens: 5 },
    });
  });

  it.each<[string, string]>([
    ["cut off", sse(chunk("hi"), chunk("there"))],
    [
      "with totals so far and no end",
      sse(chunk("hi", { usage: { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 } })),
    ],
    ["with an error in it", sse(chunk("hi"), { error: { message: "overloaded" } })],
  ])("%s is charged by what was seen and what may be unseen, at most the hold", async (_, text) => {
    const response = events(text);
    const observed = observe(response);
    await response.text();
    const record = observed.record();
    expect(record).toMatchObject({ outcome: "partial", usageSource: "estimated" });
    expect(record?.outputTokens).toBeGreaterThan(256);
    expect(record?.costNanoUsd).toBeLessThanOrEqual(observed.heldNanoUsd);
  });

  it("that the application leaves is partial", async () => {
    const response = events(whole);
    const observed = observe(response);
    for await (const _ of response.body!) break;
    expect(["partial", "complete"]).toContain(observed.record()?.outcome);
    expect(observed.record()?.costNanoUsd).toBeGreaterThan(0);
  });

  it("that is aborted while nobody reads is settled then, once", async () => {
    const response = events(whole);
    const observed = observe(response);
    observed.abort.abort();
    expect(observed.record()).toMatchObject({ outcome: "partial" });
    await response.text();
    expect(observed.kit.events().usage).toHaveLength(1);
  });

  it("of a model that reasons is charged for the time that it was silent", async () => {
    const body = { model: "gpt-5-mini", messages, max_completion_tokens: 100_000, stream: true };
    const response = events(sse({ model: "gpt-5-mini", choices: [{ delta: { content: "hi" } }] }));
    const observed = observe(response, { body });
    observed.kit.clock.advance(10_000);
    await response.text();
    expect(observed.record()?.outputTokens).toBeGreaterThanOrEqual(10_000);
  });

  it("whose content type is not that of events is read as one all the same", async () => {
    const response = new Response(whole, { headers: { "content-type": "text/plain" } });
    const observed = observe(response, {
      body: { model: "gpt-4o-mini", messages, max_tokens: 5, stream: true },
    });
    await response.text();
    expect(observed.record()).toMatchObject({ outcome: "complete", usageSource: "provider" });
  });
});
