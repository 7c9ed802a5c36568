/** @module Watches one OpenAI response and ends its attempt with the truth. */
import { NOTHING_SERVED, type AttemptOutcome, type Served } from "../../guard/attempt-outcome.ts";
import type { Attempt } from "../../guard/guarded-call.ts";
import type { GuardSettings } from "../../guard/guard-settings.ts";
import type { CallPlan } from "../../guard/call-plan.ts";
import { outputTokensOf, type Usage, type UsageBucket } from "../../usage/usage.ts";
import { SharedEnd, type BodyObserver } from "../observe/body-observer.ts";
import { observeResponse } from "../observe/observe-response.ts";
import { UsageHider, withoutUsage } from "./hide-usage.ts";
import { lastUsageObject, readStream, StreamTail, type StreamReading } from "./read-stream.ts";
import { isObject } from "./request/request-shape.ts";
import { readUsage, type PlainOutput, type UsageReading } from "./usage.ts";

export interface ObservedCall {
  readonly plan: CallPlan;
  readonly attempt: Attempt;
  readonly settings: GuardSettings;
  /** Added to whatever usage the response reports. */
  readonly unreportedFees: Usage;
  /** The application did not ask for usage in its stream. */
  readonly hideUsage: boolean;
  /** The request's own abort signal: it may fire when nobody reads. */
  readonly signal: AbortSignal | undefined;
  /** Ms since the epoch, now. */
  readonly now: () => number;
}

/** Statuses with which a gateway gives up on a request that the provider may be working on, and billing. */
const GATEWAY_TIMEOUTS: ReadonlySet<number> = new Set([504, 524]);

/** Chunks between two looks at the age of the hold. */
const KEEP_ALIVE_CHUNKS = 64;

export function observeOpenAIResponse(response: Response, call: ObservedCall): void {
  const { attempt, plan } = call;
  const status = response.status;
  const providerRequestId = response.headers.get("x-request-id");
  if (status >= 400) {
    attempt.end({ class: GATEWAY_TIMEOUTS.has(status) ? "ambiguous" : "refused", status, providerRequestId });
    return;
  }
  if (status === 204 || response.headers.get("content-length") === "0") {
    // The SDK does not read what is not there.
    attempt.end({ class: "complete", status, providerRequestId, served: NOTHING_SERVED, usage: undefined });
    return;
  }
  if (!plan.stream && plan.estimate.usageWhenSilent === null) {
    // Reading a header costs more than most of what is done here; this answer can only be JSON.
    observeJson(response, call, { status, providerRequestId });
    return;
  }
  const contentType = (response.headers.get("content-type") ?? "").toLowerCase();
  const isJson = /\bjson\b/.test(contentType);
  // Some servers stream under another name.
  if (contentType.includes("text/event-stream") || (plan.stream && !isJson)) {
    observeEvents(response, call, { status, providerRequestId });
    return;
  }
  if (!isJson && plan.estimate.usageWhenSilent !== null) {
    // Sound, or a bare transcript: what it cost is known from the request, and the body is left alone.
    attempt.end({ class: "complete", status, providerRequestId, served: NOTHING_SERVED, usage: undefined });
    return;
  }
  observeJson(response, call, { status, providerRequestId });
}

type Answer = Pick<Extract<AttemptOutcome, { class: "complete" }>, "status" | "providerRequestId">;

/** A larger answer is vectors; its usage is found without parsing all of them again. */
const BULKY_CHARACTERS = 32 * 1024;

function parseBody(text: string, plan: CallPlan): unknown {
  if (text.length > BULKY_CHARACTERS && plan.endpoint === "embeddings") {
    const usage = lastUsageObject(text);
    const model = /"model"\s*:\s*"([^"\\]{1,200})"/.exec(text.slice(-4_096) + text.slice(0, 4_096))?.[1];
    if (usage !== undefined) return { usage, ...(model === undefined ? {} : { model }) };
  }
  return parse(text);
}

function observeJson(response: Response, call: ObservedCall, answer: Answer): void {
  const complete = (body: unknown): void => {
    const served: Served = {
      model: isObject(body) && typeof body["model"] === "string" ? body["model"] : null,
      serviceTier: isObject(body) && typeof body["service_tier"] === "string" ? body["service_tier"] : null,
    };
    call.attempt.end({
      class: "complete",
      ...answer,
      served,
      ...usageOf(readJsonUsage(body, call.plan), call),
    });
  };
  const ended = new SharedEnd((how) => {
    // The answer was on its way and was not read to its end: it is billed, and its usage is not known.
    if (how !== "done") call.attempt.end({ class: "ambiguous", ...answer });
  });
  observeResponse(response, () => {
    const chunks: Uint8Array[] = [];
    const end = ended.branch();
    return {
      chunk: (bytes) => {
        chunks.push(bytes);
        return bytes;
      },
      rest: () => undefined,
      text: (text) => {
        if (!call.attempt.ended) complete(parseBody(text, call.plan));
        return text;
      },
      json: complete,
      end: (how) => {
        if (how === "done" && !call.attempt.ended)
          complete(parseBody(new TextDecoder().decode(Buffer.concat(chunks)), call.plan));
        end(how);
      },
    };
  });
}

function observeEvents(response: Response, call: ObservedCall, answer: Answer): void {
  const { attempt, plan, settings, signal } = call;
  const startedAtMs = call.now();
  let latest: StreamTail | undefined;
  const finish = (reading: StreamReading): void => {
    signal?.removeEventListener("abort", onAbort);
    attempt.end(outcomeOf(reading, call, answer, call.now() - startedAtMs));
  };
  const finishWithTail = (): void => {
    if (attempt.ended) return;
    finish((latest ?? new StreamTail()).read(settings.estimator, plan.model, plainOutputOf(plan)));
  };
  const ended = new SharedEnd(finishWithTail);
  const onAbort = finishWithTail;
  signal?.addEventListener("abort", onAbort, { once: true });
  observeResponse(response, (): BodyObserver => {
    const tail = new StreamTail();
    const hider = call.hideUsage ? new UsageHider() : undefined;
    const end = ended.branch();
    let chunks = 0;
    return {
      chunk: (bytes) => {
        tail.push(bytes);
        latest = tail;
        chunks += 1;
        if (chunks % KEEP_ALIVE_CHUNKS === 0) attempt.keepAlive();
        return hider === undefined ? bytes : hider.chunk(bytes);
      },
      rest: () => hider?.rest(),
      text: (text) => {
        if (!attempt.ended) finish(readStream(text, settings.estimator, plan.model, plainOutputOf(plan)));
        return call.hideUsage ? withoutUsage(text) : text;
      },
      json: () => undefined,
      end: (how) => {
        latest = tail;
        end(how);
      },
    };
  });
}

function outcomeOf(
  reading: StreamReading,
  call: ObservedCall,
  answer: Answer,
  elapsedMs: number,
): AttemptOutcome {
  const { served } = reading;
  if (reading.usage.kind !== "missing" && reading.finished) {
    return { class: "complete", ...answer, served, ...usageOf(reading.usage, call) };
  }
  const { settlement } = call.settings;
  const hidden = mayReason(served.model ?? call.plan.model)
    ? Math.ceil((elapsedMs * settlement.hiddenOutputTokensPerSecond) / 1_000)
    : 0;
  const soFar = reading.usage.kind === "usage" ? outputTokensOf(reading.usage.usage) : 0;
  return {
    class: "partial",
    ...answer,
    served,
    seenOutputTokens: Math.max(reading.seenOutputTokens, soFar) + hidden,
    // A server that finished and reported nothing has nothing more under way.
    finished: reading.finished && !reading.failed,
  };
}

/** Models that generate tokens before, and besides, those that are sent. Not knowing a name counts as yes. */
function mayReason(model: string): boolean {
  return !/^(ft:)?(gpt-3\.5|gpt-4|chatgpt-4o|gpt-35|gpt-5-chat|davinci|babbage|curie|ada|text-|whisper|tts|gpt-audio|gpt-realtime)/.test(
    model,
  );
}

/** Tokens whose kind the response does not state are of the kind that was held for. */
function plainOutputOf({ estimate }: CallPlan): PlainOutput {
  if ((estimate.usage.outputImageTokens ?? 0) > 0) return "outputImageTokens";
  return (estimate.usage.outputAudioTokens ?? 0) > 0 ? "outputAudioTokens" : "outputTextTokens";
}

function readJsonUsage(body: unknown, plan: CallPlan): UsageReading {
  const reading = readUsage(body, plainOutputOf(plan));
  // A transcript without usage may still say how long the audio was.
  if (reading.kind === "missing" && isObject(body) && typeof body["duration"] === "number") {
    return readUsage({ usage: { type: "duration", seconds: body["duration"] } });
  }
  return reading;
}

function usageOf(reading: UsageReading, call: ObservedCall): { usage: Usage | undefined; problem?: string } {
  switch (reading.kind) {
    case "missing":
      return { usage: undefined };
    case "invalid":
      return { usage: undefined, problem: reading.problem };
    case "usage":
      return { usage: withFees(reading.usage, call.unreportedFees) };
  }
}

function withFees(usage: Usage, fees: Usage): Usage {
  const buckets = Object.keys(fees) as UsageBucket[];
  if (buckets.length === 0) return usage;
  const sum: { [B in UsageBucket]?: number } = { ...usage };
  // A response that does report them has the say.
  for (const bucket of buckets) sum[bucket] ??= fees[bucket] ?? 0;
  return sum;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
