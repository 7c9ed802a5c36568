/** @module What the guard adds to one call and to one chunk of each SDK, beside the same SDK without it. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { createOpenAI } from "@ai-sdk/openai";
import Anthropic, { type ClientOptions } from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { generateText, streamText, wrapLanguageModel } from "ai";
import { createHoldfast, type Holdfast } from "holdfast";
import { holdfastMiddleware } from "holdfast/ai-sdk";
import { wrapAnthropic } from "holdfast/anthropic";
import { wrapGoogle } from "holdfast/google";
import { wrapOpenAI } from "holdfast/openai";
import { FOUR_BUDGETS } from "./arms.ts";
import { compare, type Arm } from "./harness.ts";
import { atMost, failedRows, micros, times, type Row } from "./report.ts";
import { CLAUDE, claudeBodies, eventsFetch, GEMINI, geminiBodies, jsonFetch } from "./stub-bodies.ts";
import {
  completionFetch,
  MODEL,
  SHORT_PROMPT,
  streamFetch,
  stubClient,
  type StubFetch,
} from "./stub-openai.ts";

const GROUP = "Every SDK (one call and one chunk, stub transport, 4 budgets)";
const CHUNKS = 2_000;
const MAX_TOKENS = 4_096;

/** The targets of the OpenAI wrapper, and a third more. */
const CALL_TARGET_MICROS = 13.3;
const CHUNK_TARGET_RATIO = 1.067;

const ATTRIBUTION = { team: "support", agent: "summary-bot", tenant: "tenant-0" };

type Call = () => Promise<unknown>;

interface Sdk {
  readonly name: string;
  /** One call, and one stream that is read to its end; bare when there is no Holdfast. */
  readonly call: (holdfast: Holdfast | undefined) => Call;
  readonly stream: (holdfast: Holdfast | undefined) => Call;
  /** The same call through the SDK's own seam, with nothing in it: what the seam alone costs. */
  readonly idleSeam?: () => Call;
}

const asFetch = (fetch: StubFetch): typeof globalThis.fetch => fetch as unknown as typeof globalThis.fetch;

async function readAll(stream: AsyncIterable<unknown>): Promise<number> {
  let seen = 0;
  for await (const _ of stream) seen += 1;
  if (seen < CHUNKS) throw new Error(`${seen} chunks were seen instead of ${CHUNKS}`);
  return seen;
}

const openai: Sdk = {
  name: "openai 7",
  call: (holdfast) => {
    const client = guarded(stubClient(completionFetch()), holdfast, wrapOpenAI);
    return () => client.chat.completions.create({ model: MODEL, max_completion_tokens: 256, messages });
  },
  stream: (holdfast) => {
    const client = guarded(stubClient(streamFetch(CHUNKS)), holdfast, wrapOpenAI);
    const params = { model: MODEL, max_completion_tokens: MAX_TOKENS, messages, stream: true } as const;
    const asked = { ...params, stream_options: { include_usage: true } };
    return async () => readAll(await client.chat.completions.create(asked));
  },
};

const messages = [{ role: "user" as const, content: SHORT_PROMPT }];

const anthropic: Sdk = {
  name: "@anthropic-ai/sdk 1",
  call: (holdfast) => {
    const client = guarded(claude(jsonFetch(claudeBodies)), holdfast, wrapAnthropic);
    return () => client.messages.create({ model: CLAUDE, max_tokens: 256, messages });
  },
  stream: (holdfast) => {
    const client = guarded(claude(eventsFetch(claudeBodies, CHUNKS)), holdfast, wrapAnthropic);
    return async () =>
      readAll(
        await client.messages.create({ model: CLAUDE, max_tokens: MAX_TOKENS, messages, stream: true }),
      );
  },
  idleSeam: () => {
    const client = claude(jsonFetch(claudeBodies), [(request, next) => next(request)]);
    return () => client.messages.create({ model: CLAUDE, max_tokens: 256, messages });
  },
};

function claude(fetch: StubFetch, middleware: NonNullable<ClientOptions["middleware"]> = []): Anthropic {
  return new Anthropic({
    apiKey: "k",
    baseURL: "http://stub.invalid",
    maxRetries: 0,
    fetch: asFetch(fetch),
    ...(middleware.length === 0 ? {} : { middleware }),
  });
}

const google: Sdk = {
  name: "@google/genai 3",
  call: (holdfast) => {
    const client = guarded(gemini(jsonFetch(geminiBodies)), holdfast, wrapGoogle);
    const config = { maxOutputTokens: 256 };
    return () => client.models.generateContent({ model: GEMINI, contents: SHORT_PROMPT, config });
  },
  stream: (holdfast) => {
    const client = guarded(gemini(eventsFetch(geminiBodies, CHUNKS)), holdfast, wrapGoogle);
    const config = { maxOutputTokens: MAX_TOKENS };
    return async () =>
      readAll(await client.models.generateContentStream({ model: GEMINI, contents: SHORT_PROMPT, config }));
  },
};

function gemini(fetch: StubFetch): GoogleGenAI {
  return new GoogleGenAI({
    apiKey: "k",
    httpOptions: { baseUrl: "http://stub.invalid", fetch: asFetch(fetch) },
  });
}

const aiSdk: Sdk = {
  name: "ai 7 (an OpenAI chat model)",
  call: (holdfast) => {
    const model = languageModel(completionFetch(), holdfast);
    return () => generateText({ model, prompt: SHORT_PROMPT, maxOutputTokens: 256, maxRetries: 0 });
  },
  stream: (holdfast) => {
    const model = languageModel(streamFetch(CHUNKS), holdfast);
    return async () =>
      readAll(
        streamText({ model, prompt: SHORT_PROMPT, maxOutputTokens: MAX_TOKENS, maxRetries: 0 }).fullStream,
      );
  },
};

function languageModel(fetch: StubFetch, holdfast: Holdfast | undefined) {
  const provider = createOpenAI({ apiKey: "k", baseURL: "http://stub.invalid/v1", fetch: asFetch(fetch) });
  const model = provider.chat(MODEL);
  if (holdfast === undefined) return model;
  return wrapLanguageModel({ model, middleware: holdfastMiddleware(holdfast, ATTRIBUTION) });
}

function guarded<C extends object>(
  client: C,
  holdfast: Holdfast | undefined,
  wrap: (client: C, holdfast: Holdfast, attribution: Record<string, string>) => C,
): C {
  return holdfast === undefined ? client : wrap(client, holdfast, ATTRIBUTION);
}

export async function benchProviders(quick: boolean): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let added: number | undefined;
  for (const sdk of [openai, anthropic, google, aiSdk]) {
    const calls = await compare(
      [
        ["bare", () => inTurns(sdk.call(undefined))],
        ["holdfast", () => inTurns(sdk.call(createHoldfast({ budgets: FOUR_BUDGETS })))],
        ...(sdk.idleSeam === undefined ? [] : [["idle", () => inTurns(sdk.idleSeam!())] as const]),
      ],
      { rounds: quick ? 7 : 21, count: quick ? 200 : 500, warmup: quick ? 1_500 : 4_000 },
    );
    const streams = await compare(
      [
        ["bare", () => inTurns(sdk.stream(undefined))],
        ["holdfast", () => inTurns(sdk.stream(createHoldfast({ budgets: FOUR_BUDGETS })))],
      ],
      { rounds: quick ? 5 : 15, count: 3, warmup: 12 },
    );
    const call = calls.arms.get("holdfast");
    const stream = streams.arms.get("holdfast");
    rows.push(
      {
        group: GROUP,
        quantity: `${sdk.name}: added per call`,
        ours: micros(call?.addedCpu),
        against: `bare ${micros(calls.arms.get("bare")?.cpu)}`,
        ratio: times(call?.cpuRatio),
        target: `<= ${CALL_TARGET_MICROS} us`,
        met: atMost(call?.addedCpu, CALL_TARGET_MICROS),
      },
      {
        group: GROUP,
        quantity: `${sdk.name}: CPU per chunk`,
        ours: micros(stream === undefined ? undefined : stream.cpu / CHUNKS),
        against: `bare ${micros((streams.arms.get("bare")?.cpu ?? NaN) / CHUNKS)}`,
        ratio: times(stream?.cpuRatio),
        target: `<= ${CHUNK_TARGET_RATIO}x`,
        met: atMost(stream?.cpuRatio, CHUNK_TARGET_RATIO),
      },
    );
    const idle = calls.arms.get("idle");
    if (idle !== undefined) {
      rows.push({
        group: GROUP,
        quantity: `${sdk.name}: added by an idle middleware of the SDK's own`,
        ours: "",
        against: micros(idle.addedCpu),
        ratio: times(idle.cpuRatio),
      });
    }
    if (added === undefined) added = call?.addedCpu;
    else {
      const ratio = (call?.addedCpu ?? NaN) / added;
      rows.push({
        group: GROUP,
        quantity: `${sdk.name}: added per call, against the OpenAI wrapper`,
        ours: micros(call?.addedCpu),
        against: micros(added),
        ratio: times(ratio),
        target: "<= 1.33x",
        met: atMost(ratio, 4 / 3),
      });
    }
    rows.push(...failedRows(GROUP, calls.failed), ...failedRows(GROUP, streams.failed));
  }
  return rows;
}

/** One after the other, with a turn of the event loop every ten calls, so that events are delivered in the measurement. */
function inTurns(call: Call): Arm["run"] {
  return async (count) => {
    for (let i = 0; i < count; i++) {
      await call();
      if (i % 10 === 9) await nextTurn();
    }
  };
}
