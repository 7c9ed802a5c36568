/** @module Streams as other servers write them: what was added for metering stays hidden, what is told is read. */
import { describe, expect, test } from "vitest";
import { chatBody, clientKinds, collect, rig } from "./harness.ts";

type Chunk = Record<string, unknown>;

const chunk = (choices: unknown[], usage?: unknown): Chunk => ({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 1,
  model: "gpt-4o-mini",
  choices,
  ...(usage === undefined ? {} : { usage }),
});
const delta = (content: string): unknown[] => [{ index: 0, delta: { content }, finish_reason: null }];
const told = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 };
const COST = 3 * 1_000 + 5 * 4_000;

const asked: readonly Chunk[] = [chunk(delta("Hel"), null), chunk(delta("lo"), null), chunk([], told)];

/** As Python's json.dumps writes it: a space behind every comma and colon that is not in a string. */
const spaced = (value: unknown): string =>
  JSON.stringify(value, null, 1)
    .replaceAll(/\n\s*/g, " ")
    .replaceAll(/([[{]) | ([\]}])/g, "$1$2");

const sse = (
  payloads: readonly unknown[],
  write: (value: unknown) => string = JSON.stringify,
  newline = "\n",
): string =>
  [...payloads.map((payload) => `data: ${write(payload)}`), "data: [DONE]"]
    .map((line) => line + newline + newline)
    .join("");

const usageFirst = (payload: Chunk): Chunk =>
  "usage" in payload ? { usage: payload["usage"], ...payload } : payload;

const framings: Readonly<Record<string, string>> = {
  "compact JSON": sse(asked),
  "JSON with spaces": sse(asked, spaced),
  CRLF: sse(asked, JSON.stringify, "\r\n"),
  "no space behind data:": sse(asked).replaceAll("data: ", "data:"),
  "usage as the first key": sse(asked.map(usageFirst)),
  "comments between the events": sse(asked).replaceAll("\n\n", "\n\n: ping\n\n"),
  "event names": sse(asked).replaceAll("data: {", "event: message\ndata: {"),
  "usage in the last chunk with a choice": sse([chunk(delta("Hel")), chunk(delta("lo"), told)]),
  "no [DONE]": sse(asked).replace("data: [DONE]\n\n", ""),
  "no blank line at the end": sse(asked).trimEnd(),
};

describe.each(clientKinds)("$name", (kind) => {
  describe.each(["whole", "in pieces"])("%s", (delivery) => {
    test.each(Object.entries(framings))("%s", async (name, body) => {
      await using at = await rig({ kind });
      const headers = { "content-type": "text/event-stream" };
      at.server.respond(() => ({ body, headers, ...(delivery === "whole" ? {} : { splitBytes: 11 }) }));
      const chunks = await collect(await at.client.chat.completions.create({ ...chatBody(), stream: true }));
      await at.quiet();
      expect(chunks.map(({ choices }) => choices[0]?.delta.content)).toEqual(["Hel", "lo"]);
      if (!name.startsWith("usage in the last")) expect(chunks.some((one) => "usage" in one)).toBe(false);
      expect(at.events.usage).toMatchObject([{ usageSource: "provider", costNanoUsd: COST }]);
      expect(await at.balance()).toEqual({ spent: COST, held: 0 });
    });
  });

  test("totals so far in every chunk: the last one counts, and one that was cut off is not the end", async () => {
    await using at = await rig({ kind, config: { settlement: { unseenOutputTokens: 0 } } });
    const running = [1, 2, 3].map((tokens) =>
      chunk(delta(`word${tokens} `), {
        prompt_tokens: 3,
        completion_tokens: tokens,
        total_tokens: 3 + tokens,
      }),
    );
    const headers = { "content-type": "text/event-stream" };
    at.server.script([{ body: sse(running), headers }]);
    await collect(await at.client.chat.completions.create({ ...chatBody(), stream: true }));
    await at.quiet();
    expect(at.events.usage).toMatchObject([{ inputTokens: 3, outputTokens: 3, costNanoUsd: 15_000 }]);
  });

  test("a stream of 2,000 chunks and 1 MB is read whole, and costs what it says", async () => {
    await using at = await rig({ kind, server: { usage: { inputTokens: 3, outputTokens: 5 } } });
    at.server.respond(() => ({ chunks: 2_000, content: "abcde ".repeat(170_000), coalesce: true }));
    const chunks = await collect(await at.client.chat.completions.create({ ...chatBody(), stream: true }));
    await at.quiet();
    expect(chunks.length).toBeGreaterThan(2_000);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toHaveLength(1_020_000);
    expect(await at.balance()).toEqual({ spent: COST, held: 0 });
  });
});
