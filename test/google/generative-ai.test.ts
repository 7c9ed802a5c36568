/** @module The models and chats of @google/generative-ai: bare and wrapped do the same. */
import { GenerativeModel, ChatSession } from "@google/generative-ai";
import type { Content, GoogleGenerativeAI } from "@google/generative-ai";
import { memoryStore } from "holdfast";
import { describe, expect, test } from "vitest";
import { collect, failure, generativeAIKind as kind, MODEL, rig } from "./harness.ts";

const generationConfig = { maxOutputTokens: 50 };
const model = (client: GoogleGenerativeAI, params: object = {}): GenerativeModel =>
  client.getGenerativeModel({ model: MODEL, generationConfig, systemInstruction: "Be brief", ...params });

type Work = (client: GoogleGenerativeAI) => Promise<unknown>;

const works: Readonly<Record<string, Work>> = {
  "generateContent, a text": async (client) => (await model(client).generateContent("Hi")).response.text(),
  "generateContent, parts": async (client) =>
    (await model(client).generateContent(["Hi", { text: "there" }])).response.text(),
  "generateContent, a request": async (client) =>
    (
      await model(client).generateContent({
        contents: [{ role: "user", parts: [{ text: "Hi" }] }],
        generationConfig: { maxOutputTokens: 7 },
        systemInstruction: "Be very brief",
      })
    ).response,
  generateContentStream: async (client) => {
    const { stream, response } = await model(client).generateContentStream("Hi");
    return [(await collect(stream)).map((chunk) => chunk.text()), (await response).usageMetadata];
  },
  "a chat": async (client) => {
    const chat = model(client).startChat({
      history: [
        { role: "user", parts: [{ text: "a" }] },
        { role: "model", parts: [{ text: "b" }] },
      ],
    });
    const texts = [(await chat.sendMessage("c")).response.text()];
    const { stream, response } = await chat.sendMessageStream(["d", { text: "e" }]);
    texts.push((await collect(stream)).map((chunk) => chunk.text()).join(""));
    await response;
    return [texts, await chat.getHistory()];
  },
  "messages of a chat at once": async (client) => {
    const chat = model(client).startChat();
    const texts = await Promise.all([chat.sendMessage("a"), chat.sendMessage("b")]);
    return [texts.map(({ response }) => response.text()), await chat.getHistory()];
  },
  "a chat's error": async (client) => {
    const chat = model(client).startChat();
    return [
      await failure(chat.sendMessage([])),
      (await chat.sendMessage("a")).response.text(),
      await chat.getHistory(),
    ];
  },
  embedContent: (client) => model(client).embedContent("Hi"),
  "embedContent, a request": (client) =>
    model(client).embedContent({ content: { role: "user", parts: [{ text: "Hi" }] }, title: "t" } as never),
  batchEmbedContents: (client) =>
    model(client).batchEmbedContents({ requests: [{ content: { role: "user", parts: [{ text: "Hi" }] } }] }),
  countTokens: (client) => model(client).countTokens("Hi"),
  "no content": (client) => failure(model(client).generateContent([])),
  "a mistake of the application's": (client) =>
    failure(model(client, {}).generateContent("Hi", { customHeaders: { "x-goog-api-key": "no" } } as never)),
};

describe("differential", () => {
  test.each(Object.entries(works))("%s", async (_name, work) => {
    const clock = { now: () => 0 };
    await using at = await rig({ kind, server: { clock } });
    await using bare = await rig({ kind, server: { clock } });
    const ours = await work(at.client);
    const theirs = await work(bare.bare);
    await at.quiet();
    await bare.quiet();
    expect(JSON.stringify(ours)).toEqual(JSON.stringify(theirs));
    const message = (value: unknown): unknown => (value instanceof Error ? value.message : undefined);
    const told = message(theirs);
    expect(message(ours)).toEqual(
      typeof told === "string" ? told.replaceAll(bare.server.origin, at.server.origin) : told,
    );
    const sent = ({ ledger }: typeof at.server): unknown =>
      ledger.map(({ path, requestBody, headers }) => ({ path, requestBody, headers }));
    expect(sent(at.server)).toEqual(sent(bare.server));
    expect((await at.balance()).held).toBe(0);
    expect(at.events.of("meter-anomaly")).toEqual([]);
  });
});

test("classes stay", () => {
  return (async () => {
    await using at = await rig({ kind });
    expect(model(at.client)).toBeInstanceOf(GenerativeModel);
    expect(model(at.client).startChat()).toBeInstanceOf(ChatSession);
  })();
});

test("every message of a chat is held for with its history, and settled", async () => {
  await using at = await rig({ kind });
  const chat = model(at.client).startChat();
  for (const text of ["one", "two", "three"]) await chat.sendMessage(text);
  await at.quiet();
  const held = at.events.usage.map(({ heldNanoUsd }) => heldNanoUsd);
  expect([...held].sort((a, b) => a - b)).toEqual(held);
  expect(new Set(held).size).toBe(3);
  expect(await at.balance()).toEqual({ spent: at.billedNanoUsd, held: 0, calls: 3 });
});

test("a limit is sent along where the request states none, in chats too", async () => {
  await using at = await rig({ kind, config: { estimate: { missingOutputLimit: { send: 33 } } } });
  const open = at.client.getGenerativeModel({ model: MODEL });
  await open.generateContent("Hi");
  await open.generateContent({
    contents: [{ role: "user", parts: [{ text: "Hi" }] }],
    generationConfig: { temperature: 0 },
  });
  await open.startChat().sendMessage("Hi");
  await at.quiet();
  expect(at.server.ledger.map(({ requestBody }) => requestBody["generationConfig"])).toEqual([
    { maxOutputTokens: 33 },
    { temperature: 0, maxOutputTokens: 33 },
    { maxOutputTokens: 33 },
  ]);
});

function signal(): { readonly heard: Promise<void>; readonly go: () => void } {
  let go = (): void => undefined;
  const heard = new Promise<void>((resolve) => {
    go = resolve;
  });
  return { heard, go };
}

/** A store that answers later, so that the application can do something in between. */
function slowStore(): {
  readonly store: ReturnType<typeof memoryStore>;
  readonly go: () => void;
  readonly asked: Promise<void>;
} {
  const store = memoryStore();
  const gate = signal();
  const asked = signal();
  const reserve = store.reserve.bind(store);
  store.reserve = async (request) => {
    asked.go();
    await gate.heard;
    return reserve(request);
  };
  return { store, go: gate.go, asked: asked.heard };
}

test("what is held for is what is sent, whatever the application changes while the store is asked", async () => {
  const { store, go, asked } = slowStore();
  await using at = await rig({ kind, config: { store } });
  const request = { contents: [{ role: "user", parts: [{ text: "short" }] }] as Content[] };
  const answer = model(at.client).generateContent(request);
  await asked;
  request.contents.push({ role: "user", parts: [{ text: "and much more" }] });
  go();
  await answer;
  await at.quiet();
  expect(at.server.ledger[0]!.requestBody["contents"]).toEqual([
    { role: "user", parts: [{ text: "short" }] },
  ]);
});

test("a message is sent with the history that it was held for, though another was answered meanwhile", async () => {
  const store = memoryStore();
  const reserve = store.reserve.bind(store);
  const answered = signal();
  let asked = 0;
  store.reserve = async (request) => {
    if (++asked === 2) await answered.heard;
    return reserve(request);
  };
  await using at = await rig({ kind, config: { store } });
  const chat = model(at.client).startChat();
  const [first, second] = [chat.sendMessage("one"), chat.sendMessage("two")];
  await first;
  answered.go();
  await second;
  await at.quiet();
  const contents = at.server.ledger.map(({ requestBody }) => requestBody["contents"] as Content[]);
  expect(contents.map((list) => list.map(({ parts }) => parts[0]!.text))).toEqual([["one"], ["two"]]);
  expect(await chat.getHistory()).toHaveLength(4);
});

test("a request that is aborted while the store is asked is not sent, and fails as the SDK's do", async () => {
  const { store, go, asked } = slowStore();
  await using at = await rig({ kind, config: { store } });
  const controller = new AbortController();
  const answer = failure(model(at.client).generateContent("Hi", { signal: controller.signal }));
  await asked;
  controller.abort();
  go();
  expect((await answer).message).toContain("Request aborted when fetching");
  await at.quiet();
  expect(at.server.ledger).toEqual([]);
  expect(await at.balance()).toEqual({ spent: 0, held: 0, calls: 0 });
});

test("the exact count of the input, when it is asked for", async () => {
  await using at = await rig({
    kind,
    wrap: { exactInputTokens: true },
    server: { usage: () => ({ inputTokens: 900, outputTokens: 5 }) },
  });
  await model(at.client).generateContent("Hi");
  await at.quiet();
  expect(at.events.usage[0]!.heldNanoUsd).toBe((Math.ceil(900 * 1.02) + 16) * 1_000 + 50 * 4_000);
});
