/** @module With budget left, a wrapped client does what the bare one does: results, helpers, requests. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import * as zod5 from "openai-v5/helpers/zod";
import * as zod6 from "openai-v6/helpers/zod";
import * as zod7 from "openai/helpers/zod";
import { toFile } from "openai";
import { differential } from "./differential.ts";
import type { DifferentialOptions, Work } from "./differential.ts";
import { allClientKinds, chatBody, clientKinds, collect, MODEL, user } from "./harness.ts";
import type { ClientKind, OpenAI } from "./harness.ts";

const helpersOf = (kind: ClientKind): typeof zod7 => [zod5, zod6, zod7][kind.sdk.major - 5] as typeof zod7;

const Answer = z.object({ city: z.string(), degrees: z.number() });
/** Scripted, because openai 5 cannot tell the server the schema of a zod 4 object. */
const answers = { steps: [{ content: '{"city":"Rome","degrees":21}' }] };

/** `AzureOpenAI.withOptions` of openai before 7.11 forgets its version. */
const azure = (kind: ClientKind): object => (kind.azure ? { apiVersion: "2025-04-01-preview" } : {});

const weather = {
  type: "function",
  function: {
    name: "weather",
    parse: JSON.parse,
    parameters: { type: "object", properties: { city: { type: "string" } } },
    function: ({ city }: { city: string }) => `sunny in ${city}`,
  },
} as const;

const tooled = (client: OpenAI, stream: boolean) => {
  const body = {
    model: MODEL,
    messages: [user()],
    tools: [weather],
    max_tokens: 40,
    ...(stream ? { stream } : {}),
  };
  return client.chat.completions.runTools(body as never) as unknown as ReturnType<
    OpenAI["chat"]["completions"]["runTools"]
  >;
};

const toolSteps = [{ toolCalls: [{ name: "weather", arguments: { city: "Rome" } }] }, { content: "Sunny." }];

const sound = () => toFile(Buffer.alloc(4_000), "speech.wav", { type: "audio/wav" });
const picture = () => toFile(Buffer.alloc(100), "image.png", { type: "image/png" });

type Surface = Omit<DifferentialOptions, "kind" | "work"> & {
  readonly work: (client: OpenAI, kind: ClientKind) => unknown;
  /** Attempts that were metered. @default 1 */
  readonly metered?: number;
  /** The endpoint reports no usage in this form. */
  readonly silent?: boolean;
};

const surface = (work: Surface["work"], more: Omit<Surface, "work"> = {}): Surface => ({ work, ...more });

/** Where Azure has the same surface as OpenAI. */
const core: Readonly<Record<string, Surface>> = {
  "chat create": surface((client) => client.chat.completions.create(chatBody())),
  "chat create with unknown parameters": surface((client) =>
    client.chat.completions.create({ ...chatBody(), new_thing: { deep: [1, null, "x"] } } as never),
  ),
  "chat parse": surface(
    (client, kind) =>
      client.chat.completions.parse({
        ...chatBody(),
        response_format: helpersOf(kind).zodResponseFormat(Answer, "answer"),
      }),
    answers,
  ),
  "chat stream() events and result": surface(async (client) => {
    const stream = client.chat.completions.stream({ ...chatBody(), stream: true });
    const events: unknown[] = [];
    stream.on("content", (delta, snapshot) => events.push(["content", delta, snapshot]));
    stream.on("chunk", (chunk) => events.push(["chunk", chunk]));
    stream.on("finalMessage", (message) => events.push(["finalMessage", message]));
    stream.on("end", () => events.push(["end"]));
    return { events, final: await stream.finalChatCompletion(), usage: await stream.totalUsage() };
  }),
  "chat stream() that asks for usage": surface((client) =>
    client.chat.completions
      .stream({ ...chatBody(), stream: true, stream_options: { include_usage: true } })
      .finalChatCompletion(),
  ),
  "chat runTools, two turns": surface(
    async (client) => {
      const runner = tooled(client, false);
      return {
        content: await runner.finalContent(),
        messages: runner.messages,
        usage: await runner.totalUsage(),
      };
    },
    { steps: toolSteps, metered: 2 },
  ),
  "chat runTools, streamed": surface(
    async (client) => {
      const runner = tooled(client, true);
      return { content: await runner.finalContent(), messages: runner.messages };
    },
    { steps: toolSteps, metered: 2 },
  ),
  withResponse: surface(async (client) => {
    const { data, response, request_id } = await client.chat.completions.create(chatBody()).withResponse();
    return { data, request_id, status: response.status, headers: response.headers, used: response.bodyUsed };
  }),
  "withResponse of a stream": surface(async (client) => {
    const call = client.chat.completions.create({ ...chatBody(), stream: true });
    const { data, response, request_id } = await call.withResponse();
    return {
      chunks: await collect(data),
      request_id,
      headers: response.headers,
      class: data.constructor.name,
    };
  }),
  "client.post": surface((client) => client.post("/chat/completions", { body: chatBody() })),
  "responses create": surface((client) =>
    client.responses.create({ model: MODEL, input: "Hi", max_output_tokens: 50 }),
  ),
  "responses parse": surface(
    (client, kind) =>
      client.responses.parse({
        model: MODEL,
        input: "Hi",
        max_output_tokens: 50,
        text: { format: helpersOf(kind).zodTextFormat(Answer, "answer") },
      }),
    answers,
  ),
  "responses stream()": surface(async (client) => {
    const stream = client.responses.stream({ model: MODEL, input: "Hi", max_output_tokens: 50 });
    return { events: await collect(stream), final: await stream.finalResponse() };
  }),
  embeddings: surface((client) =>
    client.embeddings.create({ model: "text-embedding-3-small", input: ["a", "b"] }),
  ),
  withOptions: surface(
    async (client, kind) => {
      const clone = client.withOptions({
        ...azure(kind),
        timeout: 12_345,
        defaultHeaders: { "x-mine": "1" },
      });
      return [
        await clone.chat.completions.create(chatBody()),
        await clone.withOptions(azure(kind)).chat.completions.create(chatBody()),
        clone.timeout,
        clone.constructor.name,
      ];
    },
    { metered: 2 },
  ),
};

/** OpenAI only. */
const more: Readonly<Record<string, Surface>> = {
  "embeddings, base64 asked for": surface((client) =>
    client.embeddings.create({ model: "text-embedding-3-small", input: "a", encoding_format: "base64" }),
  ),
  transcription: surface(async (client) =>
    client.audio.transcriptions.create({ model: "gpt-4o-transcribe", file: await sound() }),
  ),
  "transcription, verbose": surface(async (client) =>
    client.audio.transcriptions.create({
      model: "whisper-1",
      file: await sound(),
      response_format: "verbose_json",
    }),
  ),
  "transcription, text": surface(
    async (client) =>
      client.audio.transcriptions.create({
        model: "whisper-1",
        file: await sound(),
        response_format: "text",
      }),
    { silent: true },
  ),
  "transcription, streamed": surface(async (client) =>
    collect(
      await client.audio.transcriptions.create({
        model: "gpt-4o-transcribe",
        file: await sound(),
        stream: true,
      }),
    ),
  ),
  translation: surface(async (client) =>
    client.audio.translations.create({ model: "whisper-1", file: await sound() }),
  ),
  speech: surface(async (client) => {
    const response = await client.audio.speech.create({ model: "tts-1", voice: "alloy", input: "Hello" });
    return new Uint8Array(await response.arrayBuffer());
  }),
  "images generate": surface((client) =>
    client.images.generate({ model: "gpt-image-1", prompt: "A cat", quality: "low" }),
  ),
  "images edit": surface(async (client) =>
    client.images.edit({ model: "gpt-image-1", prompt: "A cat", image: await picture(), quality: "low" }),
  ),
  "images generate, streamed": surface(async (client) =>
    collect(
      await client.images.generate({
        model: "gpt-image-1",
        prompt: "A cat",
        stream: true,
        partial_images: 2,
      }),
    ),
  ),
  moderations: surface((client) => client.moderations.create({ input: ["a", "b"] })),
  "legacy completions": surface((client) =>
    client.completions.create({ model: "gpt-3.5-turbo-instruct", prompt: "Say", max_tokens: 20 }),
  ),
  "legacy completions, streamed": surface(async (client) =>
    collect(
      await client.completions.create({
        model: "gpt-3.5-turbo-instruct",
        prompt: "Say",
        max_tokens: 20,
        stream: true,
      }),
    ),
  ),
  "models list, page by page": surface(async (client) => collect(await client.models.list()), { metered: 0 }),
  "models list, first page": surface(async (client) => (await client.models.list()).data, { metered: 0 }),
  "models retrieve": surface((client) => client.models.retrieve("gpt-5"), { metered: 0 }),
  "files create": surface(
    async (client) => client.files.create({ file: await sound(), purpose: "user_data" }),
    {
      metered: 0,
    },
  ),
  "a stored response, fetched again": surface(async (client) => {
    const made = await client.responses.create({ model: MODEL, input: "Hi", max_output_tokens: 50 });
    return client.responses.retrieve(made.id);
  }),
};

async function runs(
  kind: ClientKind,
  { work, metered = 1, silent = false, ...options }: Surface,
): Promise<void> {
  const bound: Work = (client) => work(client, kind);
  await differential({ kind, ...options, work: bound }, ({ ours, at }) => {
    expect(ours.error).toBeUndefined();
    expect(at.events.usage).toHaveLength(metered);
    expect(at.events.of("hold-settled")).toHaveLength(metered);
    const expected = silent ? ["cost-above-hold", "usage-missing"] : ["cost-above-hold"];
    expect(at.events.of("meter-anomaly").filter(({ anomaly }) => !expected.includes(anomaly))).toEqual([]);
    expect(at.server.ledger.filter(({ serverError }) => serverError !== undefined)).toEqual([]);
  });
}

describe.each(allClientKinds)("$name", (kind) => {
  test.each(Object.entries(core))("%s", (_name, one) => runs(kind, one));
});

describe.each(clientKinds)("$name", (kind) => {
  test.each(Object.entries(more))("%s", (_name, one) => runs(kind, one));
});
