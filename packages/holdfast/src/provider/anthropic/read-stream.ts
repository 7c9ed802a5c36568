/**
 * @module What a stream of Claude's server-sent events has said, read once at its end.
 *
 * `message_start` carries a usage object with all of its fields. Each `message_delta` carries some of them, with the total
 * so far: what it states replaces what was stated before, and is never added to it.
 */
import type { TokenEstimator } from "../../estimate/token-estimator.ts";
import { eventData, parseJson } from "../observe/event-data.ts";
import { isObject, type Body } from "../request/request-shape.ts";

export interface StreamedMessage {
  /** Of the message. */
  readonly id: unknown;
  /** The usage of the message as stated last; undefined when none was. */
  readonly usage: Body | undefined;
  readonly model: string | null;
  readonly finished: boolean;
  readonly failed: boolean;
  readonly seenOutputTokens: number;
}

export function readStream(text: string, estimator: TokenEstimator, model: string): StreamedMessage {
  let usage: Record<string, unknown> | undefined;
  let id: unknown;
  let served: string | null = null;
  let finished = false;
  let failed = false;
  let pieces = 0;
  const seen: string[] = [];
  for (const data of eventData(text)) {
    const event = parseJson(data);
    if (!isObject(event)) continue;
    const before = seen.length;
    switch (event["type"]) {
      case "message_start": {
        const message = event["message"];
        if (!isObject(message)) break;
        id = message["id"];
        if (typeof message["model"] === "string") served = message["model"];
        if (isObject(message["usage"])) usage = { ...message["usage"] };
        break;
      }
      case "message_delta":
        if (isObject(event["usage"])) usage = overlay(usage, event["usage"]);
        // The last one says why the model stopped.
        if (isObject(event["delta"]) && typeof event["delta"]["stop_reason"] === "string") finished = true;
        break;
      case "message_stop":
        finished = true;
        break;
      case "error":
        failed = true;
        break;
      case "content_block_start":
        collect(event["content_block"], GENERATED_BLOCKS, seen);
        break;
      case "content_block_delta":
        collect(event["delta"], GENERATED_DELTAS, seen);
        break;
      case "completion":
        // The legacy API.
        if (typeof event["completion"] === "string") seen.push(event["completion"]);
        if (typeof event["model"] === "string") served = event["model"];
        if (typeof event["stop_reason"] === "string") finished = true;
        break;
      default:
    }
    if (seen.length > before) pieces += 1;
  }
  const seenText = seen.join("");
  // Every piece of output is at least one token.
  const seenOutputTokens = seenText === "" ? 0 : Math.max(pieces, estimator.estimate(seenText, model));
  return { id, usage, model: served, finished: finished && !failed, failed, seenOutputTokens };
}

function overlay(before: Body | undefined, delta: Body): Record<string, unknown> {
  const usage = { ...before };
  for (const field in delta) {
    if (delta[field] !== null && delta[field] !== undefined) usage[field] = delta[field];
  }
  return usage;
}

/** Fields of a delta that the model generated. */
const GENERATED_DELTAS: readonly string[] = ["text", "thinking", "partial_json", "content"];
/** Blocks that come whole, of those that the model generates; tool results are the server's. */
const GENERATED_BLOCKS: readonly string[] = ["text", "thinking", "data", "name"];

function collect(part: unknown, fields: readonly string[], into: string[]): void {
  if (!isObject(part)) return;
  for (const field of fields) {
    const value = part[field];
    if (typeof value === "string" && value !== "") into.push(value);
  }
}
