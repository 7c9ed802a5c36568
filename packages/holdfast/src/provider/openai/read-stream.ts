/** @module What a stream of OpenAI's server-sent events has said, read once at its end. */
import type { TokenEstimator } from "../../estimate/token-estimator.ts";
import { NOTHING_SERVED, type Served } from "../../guard/attempt-outcome.ts";
import { eventData, parseJson } from "../observe/event-data.ts";
import { isObject, type Body } from "../request/request-shape.ts";
import type { StreamReading } from "../response-reader.ts";
import type { UsageReading } from "../usage/usage-reading.ts";
import { readBareUsage, readUsage, type PlainOutput } from "../usage/openai-usage.ts";

export interface OpenAIStreamReading extends StreamReading {
  /** The last description of the whole response, in streams of the Responses API. */
  readonly lastResponse?: Body | undefined;
}

export function readStream(
  text: string,
  estimator: TokenEstimator,
  model: string,
  plainOutput?: PlainOutput,
): OpenAIStreamReading {
  let usage: UsageReading = { kind: "missing" };
  let served: Served = NOTHING_SERVED;
  let finished = false;
  let failed = false;
  let lastResponse: Body | undefined;
  let events = 0;
  const seen: string[] = [];
  for (const data of eventData(text)) {
    if (data === "[DONE]") {
      finished = true;
      continue;
    }
    const event = parseJson(data);
    if (!isObject(event)) continue;
    const response = event["response"];
    const described = isObject(response) ? response : event;
    if (isObject(response)) lastResponse = response;
    if ((event["error"] !== undefined && event["error"] !== null) || event["type"] === "error") failed = true;
    if (typeof event["type"] === "string" && isFinal(event["type"])) {
      finished = true;
      if (event["type"] === "response.failed") failed = true;
    }
    served = {
      model: typeof described["model"] === "string" ? described["model"] : served.model,
      serviceTier:
        typeof described["service_tier"] === "string" ? described["service_tier"] : served.serviceTier,
    };
    const found = isObject(response)
      ? readUsage(response, plainOutput)
      : readBareUsage(event["usage"], plainOutput);
    if (found.kind !== "missing") {
      // Some servers send the totals so far with every chunk; only those behind the last choice are final.
      usage = found;
      if (Array.isArray(event["choices"]) && event["choices"].length === 0) finished = true;
    }
    const before = seen.length;
    collectOutput(event, seen);
    if (seen.length > before) events += 1;
  }
  const seenText = seen.join("");
  // Every piece of output is at least one token.
  const seenOutputTokens = seenText === "" ? 0 : Math.max(events, estimator.estimate(seenText, model));
  return { usage, served, finished, failed, seenOutputTokens, lastResponse };
}

/** Whether the event is the last one of its stream. */
function isFinal(type: string): boolean {
  return /^(response\.(completed|incomplete|failed)|image_(generation|edit)\.completed|transcript\.text\.done|speech\.audio\.done)$/.test(
    type,
  );
}

/**
 * The last usage object in a text of JSON that is too large, or too incomplete, to parse. A raw `"usage":` cannot occur
 * inside a JSON string, where the quotes would be escaped.
 */
export function lastUsageObject(text: string): unknown {
  const at = text.lastIndexOf('"usage"');
  const opening = at < 0 ? null : /^"usage"\s*:\s*(?=\{)/.exec(text.slice(at, at + 64));
  if (opening === null) return undefined;
  const from = at + opening[0].length;
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const char = text[i];
    if (char === "{") depth += 1;
    else if (char === "}" && --depth === 0) return parseJson(text.slice(from, i + 1));
  }
  return undefined;
}

/** All text that the model generated in this event, whatever the shape of the event. */
function collectOutput(event: Body, into: string[]): void {
  const choices = event["choices"];
  if (Array.isArray(choices)) {
    for (const choice of choices as unknown[]) {
      if (!isObject(choice)) continue;
      if (typeof choice["text"] === "string" && choice["text"] !== "") into.push(choice["text"]);
      collectStrings(choice["delta"], into);
    }
    return;
  }
  const delta = event["delta"];
  if (typeof delta === "string") {
    if (delta !== "") into.push(delta);
  } else collectStrings(delta, into);
}

/** Not output: names of things around it. */
const LABELS: ReadonlySet<string> = new Set(["role", "id", "type", "index"]);

function collectStrings(value: unknown, into: string[]): void {
  if (typeof value === "string") {
    if (value !== "") into.push(value);
  } else if (Array.isArray(value)) {
    for (const one of value as unknown[]) collectStrings(one, into);
  } else if (isObject(value)) {
    for (const key in value) if (!LABELS.has(key)) collectStrings(value[key], into);
  }
}
