/** @module What an interaction, or a stream of its events, has said. */
import { NOTHING_SERVED, type Served } from "../../guard/attempt-outcome.ts";
import type { TokenEstimator } from "../../estimate/token-estimator.ts";
import { inputTokensOf } from "../../usage/usage.ts";
import { eventData, parseJson } from "../observe/event-data.ts";
import { isObject, stringOf, type Body } from "../request/request-shape.ts";
import type { StreamReading } from "../response-reader.ts";
import { MISSING, type UsageReading } from "../usage/usage-reading.ts";
import { plainModelName } from "./endpoint.ts";
import { inputOf } from "./read-stream.ts";
import { SeenOutput } from "./seen-output.ts";
import { tierOf } from "./served.ts";
import type { PlainOutput } from "../usage/google-usage.ts";
import { readInteractionUsage } from "./usage-interaction.ts";

export function interactionServedBy(interaction: Body, before: Served = NOTHING_SERVED): Served {
  const model = interaction["model"];
  return {
    model: typeof model === "string" && model !== "" ? plainModelName(model) : before.model,
    serviceTier: tierOf(interaction["service_tier"], undefined) ?? before.serviceTier,
  };
}

/** Statuses in which an interaction is still being worked on, and billed. */
const RUNNING: ReadonlySet<unknown> = new Set(["in_progress", "queued"]);

export function isRunning(interaction: unknown): boolean {
  return isObject(interaction) && RUNNING.has(interaction["status"]);
}

export interface InteractionReading extends StreamReading {
  /** Empty when the stream did not say it. */
  readonly interactionId: string;
}

/** The last event is `interaction.completed`, whatever the status in it; it carries the usage. */
export function readInteractionStream(
  text: string,
  estimator: TokenEstimator,
  model: string,
  plainOutput: PlainOutput,
): InteractionReading {
  let interactionId = "";
  let usage: UsageReading = MISSING;
  let served: Served = NOTHING_SERVED;
  let finished = false;
  let failed = false;
  const seen = new SeenOutput();
  for (const data of eventData(text)) {
    const event = parseJson(data);
    if (!isObject(event)) continue;
    if (event["event_type"] === "error" || isObject(event["error"])) failed = true;
    if (isObject(event["interaction"])) {
      const { interaction } = event as { interaction: Body };
      interactionId = stringOf(interaction["id"]) || interactionId;
      served = interactionServedBy(interaction, served);
      const found = readInteractionUsage(interaction["usage"], model, plainOutput);
      if (found.kind !== "missing") usage = found;
    }
    if (event["event_type"] === "interaction.completed") finished = true;
    if (event["event_type"] === "step.delta") seen.addPiece(event["delta"]);
    if (event["event_type"] === "step.start") seen.addPiece(event["step"]);
  }
  const stated = usage.kind === "usage" && inputTokensOf(usage.usage) > 0 ? inputOf(usage.usage) : undefined;
  return {
    interactionId,
    usage,
    served,
    finished,
    failed,
    seenOutputTokens: seen.tokens(estimator, model),
    ...(stated === undefined ? {} : { statedInput: stated }),
  };
}
