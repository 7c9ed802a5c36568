/**
 * @module What a stream of server-sent events has said, read once at its end.
 *
 * While the stream runs, its bytes are only kept (and the oldest let go); nothing is parsed per chunk. At the end the
 * tail is searched for the final usage. When there is none, what was seen is counted.
 */
import type { TokenEstimator } from "../../estimate/token-estimator.ts";
import { NOTHING_SERVED, type Served } from "../../guard/attempt-outcome.ts";
import { isObject, type Body } from "./request/request-shape.ts";
import { readBareUsage, readUsage, type PlainOutput, type UsageReading } from "./usage.ts";

export interface StreamReading {
  readonly usage: UsageReading;
  readonly served: Served;
  /** The provider said that it is finished: [DONE], a final event, or the usage that follows the last choice. */
  readonly finished: boolean;
  /** The stream carried an error in place of the rest of the answer. */
  readonly failed: boolean;
  /** Upper bound on the output tokens whose text was seen. */
  readonly seenOutputTokens: number;
}

/** Bytes kept of a running stream: more than the largest final event of a text answer. */
const KEPT_BYTES = 4 * 1024 * 1024;

export class StreamTail {
  #chunks: Uint8Array[] = [];
  #first = 0;
  #kept = 0;
  #total = 0;

  push(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#kept += bytes.byteLength;
    this.#total += bytes.byteLength;
    while (this.#kept > KEPT_BYTES && this.#first < this.#chunks.length - 1) {
      this.#kept -= this.#chunks[this.#first]!.byteLength;
      this.#chunks[this.#first] = EMPTY;
      this.#first += 1;
    }
    if (this.#first > 1_024) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#first = 0;
    }
  }

  read(estimator: TokenEstimator, model: string, plainOutput?: PlainOutput): StreamReading {
    // The usage of a complete stream is in its last events: everything before them need not be read again.
    for (const bytes of TAIL_BYTES) {
      if (bytes >= this.#kept) break;
      const tail = readStream(this.#textFrom(bytes), estimator, model, plainOutput);
      if (tail.usage.kind !== "missing" && tail.finished) return tail;
    }
    const reading = readStream(this.#textFrom(this.#kept), estimator, model, plainOutput);
    if (reading.usage.kind === "missing") {
      // The final event can be larger than what is kept (an image, a very long answer); then its beginning is gone.
      const usage = readBareUsage(lastUsageObject(this.#textFrom(this.#kept)), plainOutput);
      if (usage.kind !== "missing") return { ...reading, usage, finished: true };
    }
    if (this.#total === this.#kept || this.#kept === 0) return reading;
    // What was let go is taken to be like what was kept.
    const scale = this.#total / this.#kept;
    return { ...reading, seenOutputTokens: Math.ceil(reading.seenOutputTokens * scale * 1.25) };
  }

  /** The last so many bytes, or a little more; it may begin within an event, whose rest is then not one. */
  #textFrom(bytes: number): string {
    let from = this.#chunks.length;
    let size = 0;
    while (from > this.#first && size < bytes) {
      from -= 1;
      size += this.#chunks[from]!.byteLength;
    }
    return new TextDecoder().decode(Buffer.concat(this.#chunks.slice(from)));
  }
}

/** First a look at the end, then a longer one. */
const TAIL_BYTES: readonly number[] = [8 * 1024, 128 * 1024];

const EMPTY = new Uint8Array(0);

export function readStream(
  text: string,
  estimator: TokenEstimator,
  model: string,
  plainOutput?: PlainOutput,
): StreamReading {
  let usage: UsageReading = { kind: "missing" };
  let served: Served = NOTHING_SERVED;
  let finished = false;
  let failed = false;
  let events = 0;
  const seen: string[] = [];
  for (const data of eventData(text)) {
    if (data === "[DONE]") {
      finished = true;
      continue;
    }
    const event = parse(data);
    if (!isObject(event)) continue;
    const response = event["response"];
    const described = isObject(response) ? response : event;
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
  return { usage, served, finished, failed, seenOutputTokens };
}

/** Whether the event is the last one of its stream. */
function isFinal(type: string): boolean {
  return /^(response\.(completed|incomplete|failed)|image_(generation|edit)\.completed|transcript\.text\.done|speech\.audio\.done)$/.test(
    type,
  );
}

function* eventData(text: string): Generator<string> {
  let data = "";
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (line === "") {
      if (data !== "") yield data;
      data = "";
    } else if (line.startsWith("data:")) {
      data += line.charCodeAt(5) === 32 ? line.slice(6) : line.slice(5);
    }
  }
  // A last event without its blank line was cut off; whatever is whole in it still counts.
  if (data !== "") yield data;
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
    else if (char === "}" && --depth === 0) return parse(text.slice(from, i + 1));
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

function parse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
