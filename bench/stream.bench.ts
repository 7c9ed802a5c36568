/** @module What a guard adds to a stream: per chunk, and before the first token. */
import type OpenAI from "openai";
import { guardedClient, langfuse } from "./arms.ts";
import {
  collectGarbage,
  compare,
  cpuRatioOf,
  median,
  shuffled,
  type Arm,
  type Comparison,
} from "./harness.ts";
import { atMost, failedRows, micros, times, type Row } from "./report.ts";
import { MODEL, SHORT_PROMPT, streamFetch, stubClient } from "./stub-openai.ts";

const CHUNKS = 2_000;
const GROUP = `Streaming (${CHUNKS} events, one per chunk of the body)`;

const BARE = "bare";
const BARE_USAGE = "bare, usage asked for";
const HIDDEN = "holdfast, usage hidden from the application";
const ASKED = "holdfast, usage asked for";
const LANGFUSE = "langfuse, usage asked for";

const CHUNK_RATIO = 1.05;
const FIRST_TOKEN_MICROS = 10;

export async function benchStream(quick: boolean): Promise<readonly Row[]> {
  const client = (): OpenAI => stubClient(streamFetch(CHUNKS));
  const result = await compare(
    [
      [BARE, () => streams(client(), false)],
      [BARE_USAGE, () => streams(client(), true)],
      [HIDDEN, () => streams(guarded(client()), false)],
      [ASKED, () => streams(guarded(client()), true)],
      [LANGFUSE, async () => streams(await langfuse(client()), true)],
    ],
    { rounds: quick ? 7 : 25, count: quick ? 3 : 5, warmup: 20 },
  );
  return [...chunkRows(result), ...(await firstTokenRows(quick))];
}

function guarded(client: OpenAI): OpenAI {
  return guardedClient(client, { listen: true, tenant: "tenant-0" }).client;
}

function paramsOf(askForUsage: boolean): OpenAI.ChatCompletionCreateParamsStreaming {
  return {
    model: MODEL,
    max_completion_tokens: 4_096,
    messages: [{ role: "user", content: SHORT_PROMPT }],
    stream: true,
    ...(askForUsage ? { stream_options: { include_usage: true } } : {}),
  };
}

/** Reads whole streams, and counts what an application would see so that a broken arm is noticed. */
function streams(openai: OpenAI, askForUsage: boolean): Arm["run"] {
  const expected = CHUNKS + (askForUsage ? 1 : 0);
  return async (count) => {
    for (let i = 0; i < count; i++) {
      let seen = 0;
      for await (const chunk of await openai.chat.completions.create(paramsOf(askForUsage))) {
        if (chunk.object === "chat.completion.chunk") seen += 1;
      }
      if (seen !== expected) throw new Error(`${seen} chunks were seen instead of ${expected}`);
    }
  };
}

function chunkRows(result: Comparison): Row[] {
  const perChunk = (name: string): number | undefined => {
    const cpu = result.arms.get(name)?.cpu;
    return cpu === undefined ? undefined : cpu / CHUNKS;
  };
  const row = (name: string, to: string, target: boolean): Row => {
    const ratio = cpuRatioOf(result, name, to);
    return {
      group: GROUP,
      quantity: `${name}: CPU per chunk`,
      ours: micros(perChunk(name)),
      against: `${to} ${micros(perChunk(to))}`,
      ratio: times(ratio),
      ...(target ? { target: `<= ${CHUNK_RATIO}x`, met: atMost(ratio, CHUNK_RATIO) } : {}),
    };
  };
  return [
    row(HIDDEN, BARE, true),
    // The provider sends more bytes because usage was asked for; against the same bytes, this is the guard alone.
    row(HIDDEN, BARE_USAGE, false),
    row(ASKED, BARE_USAGE, true),
    ...(result.arms.has(LANGFUSE) ? [row(LANGFUSE, BARE_USAGE, false)] : []),
    ...failedRows(GROUP, result.failed),
  ];
}

/** From the call to the first chunk in hand; the rest of the short stream is read outside the measurement. */
async function firstTokenRows(quick: boolean): Promise<Row[]> {
  const client = (): OpenAI => stubClient(streamFetch(4));
  const makers: readonly (readonly [string, () => OpenAI | Promise<OpenAI>])[] = [
    [BARE, client],
    ["holdfast", () => guarded(client())],
    ["langfuse", () => langfuse(client())],
  ];
  const arms: { name: string; openai: OpenAI; wall: number[] }[] = [];
  for (const [name, make] of makers) arms.push({ name, openai: await make(), wall: [] });
  const params = paramsOf(false);
  const warmup = 2_000;
  const calls = quick ? 2_000 : 10_000;
  for (let call = 0; call < warmup + calls; call++) {
    if (call === warmup) collectGarbage();
    for (const arm of shuffled(arms)) {
      const started = process.hrtime.bigint();
      const iterator = (await arm.openai.chat.completions.create(params))[Symbol.asyncIterator]();
      await iterator.next();
      const wall = Number(process.hrtime.bigint() - started) / 1_000;
      while ((await iterator.next()).done !== true);
      if (call >= warmup) arm.wall.push(wall);
    }
  }
  const bare = arms[0]!;
  const added = (arm: { readonly wall: readonly number[] }): number =>
    median(arm.wall.map((wall, call) => wall - bare.wall[call]!));
  return arms.slice(1).map((arm) => ({
    group: GROUP,
    quantity: `${arm.name}: added before the first token (wall)`,
    ours: micros(added(arm)),
    against: `bare ${micros(median(bare.wall))}`,
    ratio: times(median(arm.wall) / median(bare.wall)),
    ...(arm.name === "holdfast"
      ? { target: `<= ${FIRST_TOKEN_MICROS} us`, met: atMost(added(arm), FIRST_TOKEN_MICROS) }
      : {}),
  }));
}
