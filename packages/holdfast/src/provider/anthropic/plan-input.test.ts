import { describe, expect, it } from "vitest";
import { guardKit } from "../../../test/support/guard-kit.ts";
import type { CallPlan } from "../../guard/call-plan.ts";
import { costNanoUsd } from "../../price/cost.ts";
import { inputTokensOf } from "../../usage/usage.ts";
import { planRequest } from "../plan-request.ts";
import type { Body } from "../request/request-shape.ts";
import { createAnthropicAdapter } from "./adapter.ts";
import { platformOf } from "./platform.ts";
import { Threads } from "./threads.ts";

const MODEL = "claude-sonnet-4-6";
const messages = [{ role: "user", content: "hello" }];
const { guard } = guardKit();

function planned(body: Body, threads = new Threads()): CallPlan {
  const adapter = createAnthropicAdapter(platformOf({}), threads);
  const whole = { model: MODEL, max_tokens: 1_000, inference_geo: "global", messages, ...body };
  return planRequest(guard, adapter, "anthropic", "messages", whole).plan;
}
const inputOf = (body: Body): number => inputTokensOf(planned(body).estimate.usage);

const LONG = "The quick brown fox jumps over the lazy dog. ".repeat(2_000);
const AS_TEXT = inputOf({ messages: [{ role: "user", content: LONG }] });
const toolUse = (input: unknown): Body => ({
  messages: [{ role: "assistant", content: [{ type: "tool_use", id: "t", name: "n", input }] }],
});
const picture = { type: "image", source: { type: "base64", media_type: "image/png", data: LONG } };

describe("text under the name of a setting or of a picture", () => {
  it.each<[string, Body]>([
    ["caching in the input of a tool", toolUse({ caching: LONG })],
    ["cache_control in the input of a tool", toolUse({ cache_control: { note: LONG } })],
    ["a picture in the input of a tool", toolUse(picture)],
    ["a picture deep in the input of a tool", toolUse({ content: [{ content: [picture] }] })],
    ["a document in the input of a tool", toolUse({ type: "document", source: { note: LONG } })],
    [
      "caching in the schema of a tool",
      { tools: [{ name: "t", input_schema: { properties: { caching: { description: LONG } } } }] },
    ],
    [
      "a picture in a schema",
      { output_config: { format: { schema: { properties: { type: "image", source: { note: LONG } } } } } },
    ],
    [
      "cache_control of a block, too long for a setting",
      { messages: [{ role: "user", content: [{ type: "text", text: "x", cache_control: { a: LONG } }] }] },
    ],
    [
      "a picture without a source that is one",
      { messages: [{ role: "user", content: [{ type: "image", source: { type: "text", data: LONG } }] }] },
    ],
  ])("is held for as text: %s", (_name, body) => {
    expect(inputOf(body)).toBeGreaterThanOrEqual(AS_TEXT - 20);
  });

  it("is still a setting where it is one", () => {
    const block = (extra: Body): Body => ({
      messages: [{ role: "user", content: [{ type: "text", text: "x", ...extra }] }],
    });
    expect(inputOf(block({ cache_control: { type: "ephemeral", ttl: "1h" } }))).toBe(inputOf(block({})));
    expect(inputOf(block({ cache_control: null }))).toBe(inputOf(block({})));
  });

  it.each<[string, Body]>([
    ["of a message", { messages: [{ role: "user", content: [picture] }] }],
    [
      "of a tool's result",
      {
        messages: [
          { role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: [picture] }] },
        ],
      },
    ],
    [
      "of a document made of blocks",
      {
        messages: [
          {
            role: "user",
            content: [{ type: "document", source: { type: "content", content: [picture] } }],
          },
        ],
      },
    ],
  ])("is a picture in the content %s", (_name, body) => {
    expect(inputOf(body)).toBeLessThan(2_000);
  });
});

it("numbers are held by their digits", () => {
  const numbers = Array.from({ length: 1_000 }, (_, n) => Math.sin(n) * 1.2345678901234567);
  const asText = inputOf({ messages: [{ role: "user", content: JSON.stringify(numbers) }] });
  expect(inputOf(toolUse({ v: numbers }))).toBeGreaterThanOrEqual(asText);
});

describe("what is no text", () => {
  const pictures = [{ role: "user", content: Array.from({ length: 40 }, () => ({ ...picture })) }];
  /** A thread whose turns so far come to 200,000 tokens. */
  function continued(body: Body): CallPlan {
    const threads = new Threads();
    const first = planned({ thread: { type: "create" } }, threads);
    threads.learn("msg_1", { inputTextTokens: 200_000 }, first);
    return planned({ thread: { type: "continue", previous_message_id: "msg_1" }, ...body }, threads);
  }
  const compacted = { context_management: { edits: [{ type: "compact_20260112" }] } };

  it("fills the context up to the trigger of a compaction", () => {
    expect(continued(compacted).worstCaseNanoUsd).toBeGreaterThan(2 * continued({}).worstCaseNanoUsd);
    const early = [{ type: "compact_20260112", trigger: { type: "input_tokens", value: 50_000 } }];
    expect(planned({ messages: pictures, context_management: { edits: early } }).besides).toBeDefined();
    expect(planned({ context_management: { edits: early } }).besides).toBeUndefined();
  });

  it("is read by an advisor each time that it is asked", () => {
    const advisor = { type: "advisor_20260301", name: "advisor", model: MODEL, max_tokens: 100 };
    const held = (uses: number, given: Body): number =>
      inputTokensOf(planned({ ...given, tools: [{ ...advisor, max_uses: uses }] }).besides!.usage);
    const read = (given: Body): number => held(10, given) - held(1, given);
    expect(read({ messages: pictures }) - read({})).toBeGreaterThanOrEqual(9 * 40 * 1_600);
  });
});

describe("the input that a stream states at its start", () => {
  it.each<[string, Body, boolean]>([
    ["plain", {}, false],
    ["a tool of the application's own", { tools: [{ name: "t", input_schema: {} }] }, false],
    ["a document by its address", { messages: [{ role: "user", content: [doc()] }] }, false],
    ["an unknown thread", { thread: { type: "continue", previous_message_id: "m" } }, false],
    ["a search", { tools: [{ type: "web_search_20250305", name: "web_search", max_uses: 1 }] }, true],
    ["MCP servers", { mcp_servers: [{ type: "url", url: "https://example.org", name: "m" }] }, true],
    ["a container", { container: "c1" }, true],
  ])("may be read again: %s", (_name, body, again) => {
    expect(planned(body).mayReadAgain ?? false).toBe(again);
  });

  it("is apart from what others may bill", () => {
    const own = planned({});
    const opus = planned({ model: "claude-opus-4-8" });
    const { besides, estimate, worstCaseNanoUsd } = planned({ fallbacks: [{ model: "claude-opus-4-8" }] });
    expect(besides).toEqual({ usage: opus.estimate.usage, nanoUsd: opus.worstCaseNanoUsd });
    expect(worstCaseNanoUsd - besides!.nanoUsd).toBe(costNanoUsd(own.estimate.usage, own.price));
    expect(inputTokensOf(estimate.usage)).toBe(
      inputTokensOf(own.estimate.usage) + inputTokensOf(opus.estimate.usage),
    );
  });

  function doc(): Body {
    return { type: "document", source: { type: "url", url: "https://example.org/a.pdf" } };
  }
});
