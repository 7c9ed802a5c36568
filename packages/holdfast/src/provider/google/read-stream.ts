/** @module What a stream of `generateContent` has said, read once at its end. */
import type { TokenEstimator } from "../../estimate/token-estimator.ts";
import { NOTHING_SERVED, type Served } from "../../guard/attempt-outcome.ts";
import { inputTokensOf, outputTokensOf, type Usage } from "../../usage/usage.ts";
import { eventData, parseJson } from "../observe/event-data.ts";
import { isObject } from "../request/request-shape.ts";
import type { StreamReading } from "../response-reader.ts";
import { addUsage, MISSING, type UsageReading } from "../usage/usage-reading.ts";
import { Grounding } from "./grounding.ts";
import { SeenOutput } from "./seen-output.ts";
import { servedBy } from "./served.ts";
import { readUsageMetadata, type PlainOutput } from "../usage/google-usage.ts";

/**
 * Each chunk may carry the totals so far of its request; the last one counts. They are final when no candidate is still
 * being generated, and when no chunk came after them.
 */
export function readStream(
  text: string,
  estimator: TokenEstimator,
  model: string,
  plainOutput: PlainOutput,
): StreamReading {
  let usage: UsageReading = MISSING;
  let usageIsLast = false;
  let served: Served = NOTHING_SERVED;
  let failed = false;
  let blocked = false;
  const finished = new Map<number, boolean>();
  const grounding = new Grounding();
  const seen = new SeenOutput();
  for (const data of eventData(text)) {
    const chunk = parseJson(data);
    if (!isObject(chunk)) continue;
    if (isObject(chunk["error"])) failed = true;
    served = servedBy(chunk, served);
    if (isObject(chunk["promptFeedback"]) && chunk["promptFeedback"]["blockReason"] !== undefined)
      blocked = true;
    const found = readUsageMetadata(chunk["usageMetadata"], plainOutput);
    if (found.kind !== "missing") usage = found;
    const candidates = Array.isArray(chunk["candidates"]) ? (chunk["candidates"] as unknown[]) : [];
    if (found.kind !== "missing" || candidates.length > 0) usageIsLast = found.kind !== "missing";
    grounding.add(chunk);
    candidates.forEach((candidate, position) => {
      if (!isObject(candidate)) return;
      const index = typeof candidate["index"] === "number" ? candidate["index"] : position;
      const over = candidate["finishReason"] !== undefined && candidate["finishReason"] !== null;
      finished.set(index, over || finished.get(index) === true);
      if (isObject(candidate["content"])) seen.addContent(candidate["content"]);
    });
  }
  const isFinished = blocked || (finished.size > 0 && [...finished.values()].every(Boolean));
  const seenOutputTokens = seen.tokens(estimator, model);
  const soFar = usage.kind === "usage" ? usage.usage : undefined;
  if (isFinished && !usageIsLast && soFar !== undefined) {
    // Totals from before the end say nothing of what came after them.
    return {
      usage: MISSING,
      served,
      finished: true,
      failed,
      seenOutputTokens: Math.max(seenOutputTokens, outputTokensOf(soFar)),
      statedInput: inputOf(soFar),
    };
  }
  return {
    usage: soFar === undefined ? usage : { kind: "usage", usage: addUsage(soFar, grounding.fees(model)) },
    served,
    finished: isFinished,
    failed,
    seenOutputTokens,
    ...(soFar === undefined || inputTokensOf(soFar) === 0 ? {} : { statedInput: inputOf(soFar) }),
  };
}

/** The input buckets alone. */
export function inputOf(usage: Usage): Usage {
  return Object.fromEntries(
    Object.entries(usage).filter(([bucket]) => bucket.startsWith("input") || bucket.startsWith("cache")),
  );
}
