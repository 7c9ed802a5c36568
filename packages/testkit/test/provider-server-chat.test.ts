import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultText, startProviderServer } from "../src/provider-server/index.ts";
import type { ProviderServer } from "../src/provider-server/index.ts";

let server: ProviderServer;
let openai: OpenAI;
const messages = [{ role: "user" as const, content: "hi" }];

beforeEach(async () => {
  server = await startProviderServer();
  openai = new OpenAI({ apiKey: "sk-test", baseURL: server.url, maxRetries: 0 });
});
afterEach(() => server.close());

describe("chat completions", () => {
  test("answers with the default bill", async () => {
    const { data, response } = await openai.chat.completions
      .create({ model: "gpt-5-mini", messages })
      .withResponse();
    expect(data.choices[0]?.message.content).toBe(defaultText);
    expect(data.usage).toEqual({
      prompt_tokens: 1_000,
      completion_tokens: 1_000,
      total_tokens: 2_000,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: {
        reasoning_tokens: 0,
        audio_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    });
    expect(data.service_tier).toBe("default");
    expect(response.headers.get("x-request-id")).toBe("req_000001");
    expect(response.headers.get("x-ratelimit-remaining-tokens")).toBe("1999000");
    await server.waitForIdle();
    expect(server.ledger[0]?.headers.names).toContain("x-stainless-retry-count");
    expect(server.ledger).toMatchObject([
      {
        id: 1,
        path: "/v1/chat/completions",
        route: "/chat/completions",
        model: "gpt-5-mini",
        retryCount: 0,
        stream: false,
        status: 200,
        outcome: "complete",
        clientClosedEarly: false,
        headers: { authorization: true, retryCount: "0" },
        requestBody: { model: "gpt-5-mini", messages },
        billed: { inputTokens: 1_000, outputTokens: 1_000, usage: data.usage },
      },
    ]);
  });

  test("streams without usage unless asked, and exactly one usage chunk when asked", async () => {
    for (const asked of [false, true]) {
      const chunks = [];
      const stream = await openai.chat.completions.create({
        model: "gpt-5-mini",
        messages,
        stream: true,
        ...(asked ? { stream_options: { include_usage: true } } : {}),
      });
      for await (const chunk of stream) chunks.push(chunk);
      expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe(defaultText);
      expect(chunks.filter(({ choices }) => choices.length === 0)).toHaveLength(asked ? 1 : 0);
      if (asked) {
        expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 2_000 } });
        expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
      } else expect(chunks.some((chunk) => "usage" in chunk)).toBe(false);
    }
    await server.waitForIdle();
    expect(server.ledger.map(({ outcome, chunksWritten }) => [outcome, chunksWritten])).toEqual([
      ["complete", 5],
      ["complete", 5],
    ]);
    expect(server.billed()).toMatchObject({ inputTokens: 2_000, outputTokens: 2_000 });
  });

  test("the stream helper works, with several choices too", async () => {
    const runner = openai.chat.completions.stream({
      model: "gpt-5-mini",
      messages,
      n: 2,
      stream_options: { include_usage: true },
    });
    const final = await runner.finalChatCompletion();
    expect(final.choices.map(({ message }) => message.content)).toEqual([defaultText, defaultText]);
    expect(final.usage?.total_tokens).toBe(2_000);
    await server.waitForIdle();
    expect(server.ledger[0]).toMatchObject({
      chunksWritten: 10,
      headers: { helperMethod: "stream" },
      billed: { outputTokens: 1_000 },
    });
  });

  const weather = {
    type: "function" as const,
    function: {
      name: "weather",
      description: "",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
      parse: JSON.parse,
      function: ({ city }: { city: string }) => `sunny in ${city}`,
    },
  };

  for (const stream of [false, true]) {
    test(`runTools loops (${stream ? "stream" : "json"})`, async () => {
      server.script([{ toolCalls: [{ name: "weather", arguments: { city: "Köln" } }] }, { content: "done" }]);
      const body = { model: "gpt-5-mini", messages, tools: [weather] };
      const runner = stream
        ? openai.chat.completions.runTools({ ...body, stream: true })
        : openai.chat.completions.runTools(body);
      expect(await runner.finalContent()).toBe("done");
      expect(server.requests).toBe(2);
      const second = server.ledger[1]?.requestBody["messages"] as { role: string; content: string }[];
      expect(second.at(-1)).toMatchObject({ role: "tool", content: "sunny in Köln" });
      expect(server.ledger[0]?.headers.helperMethod).toBe("runTools");
    });
  }

  test("parse gets JSON that fits the schema, refusals and forced tools work", async () => {
    const schema = {
      type: "object",
      additionalProperties: false,
      required: ["name", "tags", "kind", "nested"],
      properties: {
        name: { type: "string" },
        tags: { type: "array", items: { $ref: "#/$defs/tag" } },
        kind: { enum: ["a", "b"] },
        nested: { anyOf: [{ type: "integer" }, { type: "null" }] },
      },
      $defs: { tag: { type: "object", properties: { weight: { type: "number" } } } },
    };
    const reply = await openai.chat.completions.parse({
      model: "gpt-5-mini",
      messages,
      response_format: { type: "json_schema", json_schema: { name: "thing", strict: true, schema } },
    });
    expect(reply.choices[0]?.message.parsed).toEqual({
      name: "sample",
      tags: [{ weight: 1 }],
      kind: "a",
      nested: 1,
    });
    server.script([{ refusal: "no" }]);
    const refused = await openai.chat.completions.create({ model: "m", messages });
    expect(refused.choices[0]?.message).toMatchObject({ content: null, refusal: "no" });
    const { parse: _parse, function: _function, ...declared } = weather.function;
    const forced = await openai.chat.completions.create({
      model: "m",
      messages,
      tools: [{ type: "function", function: declared }],
      tool_choice: "required",
    });
    expect(forced.choices[0]).toMatchObject({
      finish_reason: "tool_calls",
      message: { tool_calls: [{ function: { name: "weather", arguments: '{"city":"sample"}' } }] },
    });
  });

  test("speaks, echoes the tier that was served and dates the model", async () => {
    const spoken = await openai.chat.completions.create({
      model: "gpt-audio",
      messages,
      modalities: ["text", "audio"],
      audio: { voice: "alloy", format: "wav" },
    });
    expect(spoken.choices[0]?.message).toMatchObject({ content: null, audio: { transcript: defaultText } });
    server.script([{ model: "gpt-5-mini-2026-01-01" }, { serviceTier: "flex" }]);
    const dated = await openai.chat.completions.create({ model: "m", messages, service_tier: "fast" });
    expect([dated.model, dated.service_tier]).toEqual(["gpt-5-mini-2026-01-01", "priority"]);
    const flex = await openai.chat.completions.create({ model: "m", messages, service_tier: "auto" });
    expect([flex.model, flex.service_tier]).toEqual(["m", "flex"]);
  });

  test("a default answer keeps to the request's own maximum, a scripted one need not", async () => {
    const small = await openai.chat.completions.create({
      model: "m",
      messages,
      n: 2,
      max_completion_tokens: 30,
    });
    expect(small.usage?.completion_tokens).toBe(60);
    expect(small.choices[0]?.finish_reason).toBe("length");
    server.script([{ usage: { outputTokens: 70 } }]);
    const large = await openai.chat.completions.create({ model: "m", messages, max_completion_tokens: 30 });
    expect(large.usage?.completion_tokens).toBe(70);
  });
});
