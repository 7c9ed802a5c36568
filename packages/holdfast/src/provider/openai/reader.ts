/** @module How OpenAI's answers are read. */
import { NOTHING_SERVED, type Served } from "../../guard/attempt-outcome.ts";
import type { CallPlan } from "../../guard/call-plan.ts";
import { parseJson } from "../observe/event-data.ts";
import { isObject } from "../request/request-shape.ts";
import type { ResponseReader } from "../response-reader.ts";
import type { UsageReading } from "../usage/usage-reading.ts";
import { acceptedJob, plainOutputOf } from "./jobs.ts";
import { lastUsageObject, readStream } from "./read-stream.ts";
import { readBareUsage, readUsage, searchesAsHeld } from "../usage/openai-usage.ts";

export const openaiReader: ResponseReader = {
  requestIdHeader: "x-request-id",
  headBytes: 0,
  goesOnUnheard: false,
  parse: parseBody,
  answer(body, plan) {
    const job = acceptedJob(body, plan);
    const reading = { usage: readJsonUsage(body, plan), served: servedBy(body) };
    return job === undefined ? reading : { ...reading, job };
  },
  events(text, plan, estimator) {
    const { lastResponse, ...read } = readStream(text, estimator, plan.model, plainOutputOf(plan));
    const reading = { ...read, usage: searchesAsHeld(read.usage, plan.estimate.usage) };
    const job =
      plan.job === undefined || lastResponse === undefined ? undefined : acceptedJob(lastResponse, plan);
    return job === undefined ? reading : { ...reading, job };
  },
  lastUsage: (text, plan) => readBareUsage(lastUsageObject(text), plainOutputOf(plan)),
  mayReason: (model) =>
    !/^(ft:)?(gpt-3\.5|gpt-4|chatgpt-4o|gpt-35|gpt-5-chat|davinci|babbage|curie|ada|text-|whisper|tts|gpt-audio|gpt-realtime)/.test(
      model,
    ),
};

function servedBy(body: unknown): Served {
  if (!isObject(body)) return NOTHING_SERVED;
  return {
    model: typeof body["model"] === "string" ? body["model"] : null,
    serviceTier: typeof body["service_tier"] === "string" ? body["service_tier"] : null,
  };
}

/** A larger answer is vectors; its usage is found without parsing all of them again. */
const BULKY_CHARACTERS = 32 * 1024;

function parseBody(text: string, plan: CallPlan): unknown {
  if (text.length > BULKY_CHARACTERS && plan.endpoint === "embeddings") {
    const usage = lastUsageObject(text);
    const model = /"model"\s*:\s*"([^"\\]{1,200})"/.exec(text.slice(-4_096) + text.slice(0, 4_096))?.[1];
    if (usage !== undefined) return { usage, ...(model === undefined ? {} : { model }) };
  }
  return parseJson(text);
}

function readJsonUsage(body: unknown, plan: CallPlan): UsageReading {
  const reading = searchesAsHeld(readUsage(body, plainOutputOf(plan)), plan.estimate.usage);
  // A transcript without usage may still say how long the audio was.
  if (reading.kind === "missing" && isObject(body) && typeof body["duration"] === "number") {
    return readUsage({ usage: { type: "duration", seconds: body["duration"] } });
  }
  return reading;
}
