import OpenAI, { AzureOpenAI, toFile } from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createFakeClock, defaultText, startProviderServer, usageByLength } from "../src/index.ts";
import type { ProviderServer } from "../src/index.ts";

let server: ProviderServer;
let openai: OpenAI;

beforeEach(async () => {
  server = await startProviderServer();
  openai = new OpenAI({ apiKey: "sk-test", baseURL: server.url, maxRetries: 0 });
});
afterEach(() => server.close());

async function lastBill(): Promise<Record<string, unknown>> {
  await server.waitForIdle();
  return { ...server.ledger.at(-1)?.billed };
}

async function collect<Item>(stream: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

const wave = (): Promise<File> => toFile(Buffer.from("RIFF"), "a.wav", { type: "audio/wav" });

describe("completions and embeddings", () => {
  test("legacy completions, whole and streamed", async () => {
    const prompt = ["a", "b"];
    const whole = await openai.completions.create({ model: "gpt-3.5-turbo-instruct", prompt, n: 2 });
    expect(whole.choices.map(({ text, index }) => [text, index])).toEqual(
      [0, 1, 2, 3].map((i) => [defaultText, i]),
    );
    expect(whole.usage?.total_tokens).toBe(2_000);
    const ask = { model: "gpt-3.5-turbo-instruct", prompt: "a", stream: true as const };
    expect((await collect(await openai.completions.create(ask))).some((chunk) => "usage" in chunk)).toBe(
      false,
    );
    const counted = await collect(
      await openai.completions.create({ ...ask, stream_options: { include_usage: true } }),
    );
    expect(counted.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 2_000 } });
    expect(counted.map(({ choices }) => choices[0]?.text ?? "").join("")).toBe(defaultText);
  });

  test("embeddings: base64 by default and float agree; no output is billed", async () => {
    const ask = { model: "text-embedding-3-small", input: ["a", "b"], dimensions: 10 };
    const encoded = await openai.embeddings.create(ask);
    const floats = await openai.embeddings.create({ ...ask, encoding_format: "float" });
    expect(encoded.data.map(({ embedding }) => [...embedding])).toEqual(floats.data.map((d) => d.embedding));
    expect(encoded.data[1]?.embedding).toHaveLength(10);
    expect(encoded.usage).toEqual({ prompt_tokens: 1_000, total_tokens: 1_000 });
    expect(await lastBill()).toMatchObject({ inputTokens: 1_000, outputTokens: 0 });
    expect(server.ledger.map(({ requestBody }) => requestBody["encoding_format"])).toEqual([
      "base64",
      "float",
    ]);
  });
});

describe("images", () => {
  test("generate and edit report usage; dall-e does not", async () => {
    server.script([
      { usage: { inputImageTokens: 400, outputTextTokens: 1, outputImageTokens: 999, svgInputTokens: 4 } },
    ]);
    const made = await openai.images.generate({ model: "gpt-image-1", prompt: "x", n: 2 });
    expect(made.data).toHaveLength(2);
    expect(made.usage).toEqual({
      input_tokens: 1_000,
      input_tokens_details: { text_tokens: 600, image_tokens: 400 },
      output_tokens: 1_000,
      total_tokens: 2_000,
      output_tokens_details: { text_tokens: 1, image_tokens: 999 },
    });
    expect(made.svg_usage).toMatchObject({ input_tokens: 4, output_tokens: 0 });
    const image = await toFile(Buffer.from("png"), "a.png", { type: "image/png" });
    await openai.images.edit({ model: "gpt-image-1", prompt: "x", image: [image, image], n: 3 });
    expect(await lastBill()).toMatchObject({ images: 3, inputTokens: 1_000 });
    expect(server.ledger[1]?.requestBody).toMatchObject({
      model: "gpt-image-1",
      n: "3",
      image: [{ filename: "a.png", bytes: 3 }, { contentType: "image/png" }],
    });
    const old = await openai.images.generate({ model: "dall-e-3", prompt: "x" });
    expect(old.usage).toBeUndefined();
    expect(await lastBill()).toMatchObject({ images: 1, inputTokens: 0, outputTokens: 0 });
  });

  test("streams partial images and the usage at the end", async () => {
    const ask = { model: "gpt-image-1", prompt: "x", stream: true as const, partial_images: 3 };
    const all = await collect(await openai.images.generate(ask));
    expect(all.map(({ type }) => type)).toEqual([
      ...Array.from({ length: 3 }, () => "image_generation.partial_image"),
      "image_generation.completed",
    ]);
    expect(all.at(-1)).toMatchObject({ usage: { total_tokens: 2_000 } });
    server.script([{ hangAfterChunk: 2 }]);
    let seen = 0;
    for await (const _event of await openai.images.generate(ask)) if ((seen += 1) === 2) break;
    expect(await lastBill()).toMatchObject({ inputTokens: 1_000, outputTokens: 500 });
  });
});

describe("audio", () => {
  test("transcriptions by token and by second, in every format", async () => {
    const file = await wave();
    const byToken = await openai.audio.transcriptions.create({ file, model: "gpt-4o-transcribe" });
    expect(byToken).toEqual({
      text: defaultText,
      usage: {
        type: "tokens",
        input_tokens: 1_000,
        input_token_details: { text_tokens: 0, audio_tokens: 1_000 },
        output_tokens: 1_000,
        total_tokens: 2_000,
      },
    });
    server.script([{ usage: { audioSeconds: 90 } }]);
    const bySecond = await openai.audio.transcriptions.create({ file, model: "whisper-1" });
    expect(bySecond.usage).toEqual({ type: "duration", seconds: 90 });
    expect(await lastBill()).toMatchObject({ audioSeconds: 90, inputTokens: 0, outputTokens: 0 });
    server.script([{ usage: { audioSeconds: 7 } }]);
    const scripted = await openai.audio.transcriptions.create({ file, model: "gpt-4o-transcribe" });
    expect(scripted.usage).toEqual({ type: "duration", seconds: 7 });
    expect(await lastBill()).toMatchObject({ audioSeconds: 7, inputTokens: 0 });
    const verbose = await openai.audio.transcriptions.create({
      file,
      model: "whisper-1",
      response_format: "verbose_json",
    });
    expect([verbose.duration, verbose.usage]).toEqual([60, { type: "duration", seconds: 60 }]);
    for (const format of ["text", "srt", "vtt"] as const) {
      const text = await openai.audio.transcriptions.create({
        file,
        model: "whisper-1",
        response_format: format,
      });
      expect(text).toContain(defaultText);
    }
    const events = await collect(
      await openai.audio.transcriptions.create({ file, model: "gpt-4o-transcribe", stream: true }),
    );
    expect(events).toHaveLength(6);
    expect(events.at(-1)).toMatchObject({ type: "transcript.text.done", usage: { output_tokens: 1_000 } });
  });

  test("translations and speech report nothing, but bill", async () => {
    const translated = await openai.audio.translations.create({ file: await wave(), model: "whisper-1" });
    expect(translated).toEqual({ text: defaultText });
    expect(await lastBill()).toMatchObject({ audioSeconds: 60 });
    const spoken = await openai.audio.speech.create({ model: "tts-1", voice: "alloy", input: "héllo" });
    expect(spoken.headers.get("content-type")).toBe("audio/mpeg");
    expect((await spoken.arrayBuffer()).byteLength).toBe(1_280);
    expect(await lastBill()).toMatchObject({ characters: 5, inputTokens: 0 });
    const ask = { model: "gpt-4o-mini-tts", voice: "alloy", input: "hi", stream_format: "sse" as const };
    const events = await (await openai.audio.speech.create(ask)).text();
    expect(events).toContain("event: speech.audio.done");
    expect(events).toContain('"total_tokens":2000');
    expect(await lastBill()).toMatchObject({ inputTokens: 1_000, outputTokens: 1_000 });
  });
});

describe("free and unknown paths", () => {
  test("moderations, files and models cost nothing", async () => {
    expect((await openai.moderations.create({ input: ["a", "b"] })).results).toHaveLength(2);
    const file = await openai.files.create({ file: await wave(), purpose: "user_data" });
    expect(file).toMatchObject({ object: "file", bytes: 4, filename: "a.wav", purpose: "user_data" });
    expect((await collect(openai.models.list())).map(({ id }) => id)).toContain("gpt-5-mini");
    expect((await openai.models.retrieve("gpt-5")).id).toBe("gpt-5");
    await server.waitForIdle();
    expect(server.ledger).toHaveLength(4);
    expect(Object.values(server.billed()).every((count) => count === 0)).toBe(true);
  });

  test("an unknown POST is 404, or what the step says, and then it bills", async () => {
    await expect(openai.post("/videos", { body: { model: "sora" } })).rejects.toMatchObject({ status: 404 });
    expect(await lastBill()).toMatchObject({ inputTokens: 0, usage: undefined });
    server.script([{ status: 200 }, { status: 200, body: { id: "v", status: "queued" } }]);
    expect(await openai.post("/videos", { body: {} })).toMatchObject({ usage: { total_tokens: 2_000 } });
    expect(await openai.post("/constructor", { body: {} })).toEqual({ id: "v", status: "queued" });
    expect(server.billed()).toMatchObject({ inputTokens: 2_000 });
  });
});

describe("Azure, and the server's options", () => {
  test("deployment paths, whole and streamed", async () => {
    const azure = new AzureOpenAI({
      apiKey: "k",
      endpoint: server.origin,
      apiVersion: "2026-01-01",
      maxRetries: 0,
    });
    const messages = [{ role: "user" as const, content: "hi" }];
    const reply = await azure.chat.completions.create({ model: "my-deployment", messages });
    expect(reply.choices[0]?.message.content).toBe(defaultText);
    const stream = azure.chat.completions.stream({ model: "my-deployment", messages });
    expect(await stream.finalContent()).toBe(defaultText);
    expect((await azure.responses.create({ model: "my-deployment", input: "x" })).output_text).toBe(
      defaultText,
    );
    expect(server.ledger[0]).toMatchObject({
      path: "/openai/deployments/my-deployment/chat/completions",
      route: "/chat/completions",
      model: "my-deployment",
      query: { "api-version": "2026-01-01" },
      headers: { authorization: true },
    });
    expect(server.ledger[2]).toMatchObject({ path: "/openai/responses", route: "/responses" });
  });

  test("usage by function, snapshots, clock", async () => {
    const clock = createFakeClock(new Date("2026-03-01T00:00:00Z"));
    clock.advance(1_500);
    await using own = await startProviderServer({ usage: usageByLength, snapshot: true, clock });
    const client = openai.withOptions({ baseURL: own.url });
    const reply = await client.chat.completions.create({
      model: "gpt-5",
      messages: [{ role: "user", content: "x".repeat(4_000) }],
      max_completion_tokens: 9,
    });
    expect(reply).toMatchObject({ model: "gpt-5-2026-08-07", created: Date.UTC(2026, 2, 1) / 1_000 + 1 });
    expect(reply.usage?.prompt_tokens).toBeGreaterThan(1_000);
    expect(reply.usage?.completion_tokens).toBe(9);
    clock.set(0);
    expect(clock.now()).toBe(0);
  });
});
