import { afterEach, beforeEach, describe, expect, test } from "vitest";
import OpenAI from "openai";
import {
  defaultText,
  malformedUsages,
  malformedUsagesOf,
  startProviderServer,
} from "../src/provider-server/index.ts";
import type { LedgerEntry, ProviderServer, ProviderStep } from "../src/provider-server/index.ts";
import {
  Anthropic,
  AnthropicBedrock,
  AnthropicBedrockMantle,
  AnthropicFoundry,
  AnthropicVertex,
  GoogleGenAI,
  signedIn,
} from "./provider-server-sdks.ts";
import type { Anthropic as Client } from "./provider-server-sdks.ts";

let server: ProviderServer;
const model = "anthropic.claude-sonnet-4-6-v1:0";
const body = { model, max_tokens: 4_096, messages: [{ role: "user" as const, content: "hi" }] };

beforeEach(async () => {
  server = await startProviderServer();
});
afterEach(() => server.close());

const platforms = {
  bedrock: () =>
    new AnthropicBedrock({
      awsAccessKey: "a",
      awsSecretKey: "s",
      awsRegion: "us-east-1",
      baseURL: server.origin,
      maxRetries: 0,
    }),
  vertex: () =>
    new AnthropicVertex({
      region: "us-east5",
      projectId: "p",
      baseURL: server.url,
      authClient: signedIn as never,
      maxRetries: 0,
    }),
  foundry: () => new AnthropicFoundry({ apiKey: "k", baseURL: `${server.origin}/anthropic/`, maxRetries: 0 }),
};

function bill({ outcome, billed }: LedgerEntry): unknown[] {
  return [outcome, billed.inputTokens, billed.outputTokens];
}

describe.each(["bedrock", "vertex", "foundry"] as const)("Claude on %s", (platform) => {
  test("whole and streamed, however the bytes are cut", async () => {
    const client = platforms[platform]() as unknown as Client;
    server.script([{}, { splitBytes: 3, usage: { inputTokens: 9, cachedInputTokens: 4, outputTokens: 6 } }]);
    expect((await client.messages.create(body)).content).toMatchObject([{ text: defaultText }]);
    const streamed = await client.messages.stream(body).finalMessage();
    expect(streamed.content).toMatchObject([{ text: defaultText }]);
    expect(streamed.usage).toMatchObject({
      input_tokens: 5,
      cache_read_input_tokens: 4,
      output_tokens: 6,
    });
    await server.waitForIdle();
    expect(
      server.ledger.map((entry) => [entry.provider, entry.platform, entry.endpoint, entry.model]),
    ).toEqual([1, 2].map(() => ["anthropic", platform, "/messages", model]));
    expect(server.ledger.map(({ stream }) => stream)).toEqual([false, true]);
  });

  test("faults in the middle", async () => {
    const client = platforms[platform]() as unknown as Client;
    const read = async (step: ProviderStep, stopAfter?: number): Promise<string> => {
      server.script([step]);
      let deltas = 0;
      try {
        for await (const event of await client.messages.create({ ...body, stream: true })) {
          if (event.type === "content_block_delta") deltas += 1;
          if (deltas === stopAfter) break;
        }
        return "end";
      } catch (error) {
        return (error as Error).constructor.name;
      } finally {
        await server.waitForIdle();
      }
    };
    // Bedrock's client reads one frame ahead, and leaves only when that one has come.
    expect(await read({ chunks: 50, chunkDelayMs: 10 }, 2)).toBe("end");
    const [left] = server.ledger;
    expect(left?.chunksWritten).toBeLessThan(10);
    expect(await read({ dropAfterChunk: 2 })).toBe("TypeError");
    expect(await read({ errorEventAfterChunk: 2 })).toBe("APIError");
    expect(await read({ garbageAtChunk: 2, chunkDelayMs: 20 })).toMatch(/^(Syntax)?Error$/);
    expect(await read({ status: 429 })).toBe("RateLimitError");
    expect(server.ledger.map(bill)).toEqual([
      ["aborted", 1_000, 20 * (left?.chunksWritten ?? 0)],
      ["dropped", 1_000, 400],
      ["failed", 1_000, 400],
      ["aborted", 1_000, 400],
      ["failed", 0, 0],
    ]);
  });
});

test("Vertex counts tokens for nothing", async () => {
  expect(await platforms.vertex().messages.countTokens(body)).toEqual({ input_tokens: 1_000 });
  expect(server.ledger[0]).toMatchObject({ endpoint: "/messages/count_tokens", model });
  expect(server.billed()).toMatchObject({ inputTokens: 0 });
});

test("Amazon's and Google's newer paths are told from Azure's and Anthropic's", async () => {
  const claude = new AnthropicBedrockMantle({
    awsAccessKey: "a",
    awsSecretAccessKey: "s",
    awsRegion: "us-east-1",
    baseURL: `${server.origin}/anthropic`,
    maxRetries: 0,
  });
  const message = await claude.messages.stream(body).finalMessage();
  expect(message.content).toMatchObject([{ text: defaultText }]);
  const signed = { method: "POST", headers: { authorization: "AWS4-HMAC-SHA256 x" }, body: "{}" };
  await fetch(`${server.origin}/openai/v1/chat/completions`, signed);
  await fetch(`${server.origin}/openai/v1/chat/completions`, { ...signed, headers: {} });
  await server.waitForIdle();
  expect(server.ledger.map(({ provider, platform }) => `${provider} on ${platform}`)).toEqual([
    "anthropic on bedrock",
    "openai on bedrock",
    "openai on azure",
  ]);
});

describe("one server for all", () => {
  test("three providers, one ledger, one script", async () => {
    server.script([
      { provider: "google", content: "from google" },
      { provider: "anthropic", content: "from anthropic" },
      { content: "for whoever comes" },
    ]);
    const openai = new OpenAI({ apiKey: "k", baseURL: server.url });
    const anthropic = new Anthropic({ apiKey: "k", baseURL: server.origin });
    const google = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: server.origin } });
    const [one, two, three] = await Promise.all([
      openai.chat.completions.create({ model: "gpt-5-mini", messages: [] }),
      anthropic.messages.create(body),
      google.models.generateContent({ model: "gemini-2.5-flash", contents: "hi" }),
    ]);
    expect(one.choices[0]?.message.content).toBe("for whoever comes");
    expect(two.content).toMatchObject([{ text: "from anthropic" }]);
    expect(three.text).toBe("from google");
    await openai.models.list();
    await anthropic.models.list();
    for await (const _ of await google.models.list());
    await server.waitForIdle();
    for (const provider of ["openai", "anthropic", "google"] as const) {
      expect(server.ledger.filter((entry) => entry.provider === provider)).toHaveLength(2);
      expect(server.billed((entry) => entry.provider === provider)).toMatchObject({ inputTokens: 1_000 });
    }
    expect(server.billed()).toMatchObject({ inputTokens: 3_000, outputTokens: 3_000 });
  });

  test("servers compatible with OpenAI live under any prefix", async () => {
    const prefixes = [
      "/api/v1",
      "/v1beta/openai",
      "/api/v3",
      "",
      "/v1/projects/p/locations/l/endpoints/openapi",
    ];
    for (const prefix of prefixes) {
      const client = new OpenAI({ apiKey: "k", baseURL: server.origin + prefix, maxRetries: 0 });
      await client.chat.completions.create({ model: "m", messages: [] });
      await client.responses.create({ model: "m", input: "x" });
      await client.embeddings.create({ model: "m", input: "x" });
    }
    await server.waitForIdle();
    expect(server.ledger.map(({ provider, endpoint }) => `${provider} ${endpoint}`)).toEqual(
      prefixes.flatMap(() => ["openai /chat/completions", "openai /responses", "openai /embeddings"]),
    );
  });

  test("some of them reject stream_options, or ignore it", async () => {
    const client = new OpenAI({ apiKey: "k", baseURL: server.url, maxRetries: 0 });
    const ask = { model: "m", messages: [], stream: true as const };
    const withUsage = { ...ask, stream_options: { include_usage: true } };
    server.script([{ rejectStreamOptions: true }, { rejectStreamOptions: true }, { neverStreamUsage: true }]);
    await expect(client.chat.completions.create(withUsage)).rejects.toThrow("stream_options");
    for await (const _ of await client.chat.completions.create(ask));
    for await (const { choices, usage } of await client.chat.completions.create(withUsage)) {
      expect([choices.length, usage]).toEqual([1, undefined]);
    }
    await server.waitForIdle();
    expect(server.ledger.map(bill)).toEqual([
      ["failed", 0, 0],
      ["complete", 1_000, 1_000],
      ["complete", 1_000, 1_000],
    ]);
  });
});

describe("malformed usage", () => {
  const usage = { inputTokens: 40, cachedInputTokens: 10, outputTokens: 20, reasoningTokens: 5 };

  async function reported(
    path: string,
    headers: Record<string, string>,
    step: ProviderStep,
  ): Promise<unknown> {
    server.script([step]);
    const request = { method: "POST", headers, body: JSON.stringify({ model: "m", messages: [] }) };
    const reply = (await (await fetch(server.origin + path, request)).json()) as Record<string, unknown>;
    return reply["usage"] ?? reply["usageMetadata"];
  }

  const formats = [
    ["openai", "/v1/chat/completions"],
    ["anthropic", "/v1/messages"],
    ["google", "/v1/models/m:generateContent"],
  ] as const;
  for (const [provider, path] of formats) {
    test(`every kind breaks the usage of ${provider}, and the ledger keeps the truth`, async () => {
      const truth = await reported(path, {}, { usage });
      for (const kind of malformedUsages) {
        const broken = await reported(path, {}, { usage, malformedUsage: kind });
        const differs = JSON.stringify(broken) !== JSON.stringify(truth);
        expect([kind, differs]).toEqual([kind, malformedUsagesOf(provider).includes(kind)]);
      }
      await server.waitForIdle();
      for (const { billed } of server.ledger) expect(billed).toMatchObject({ ...usage, usage: truth });
    });
  }
});
