/** @module How Claude's answers are read, in their canonical form; cloud clients make theirs canonical first. */
import { anthropicServiceTier, OUTPUT_TOKEN_BUCKETS } from "@holdfast/prices";
import { NOTHING_SERVED } from "../../guard/attempt-outcome.ts";
import type { CallPlan } from "../../guard/call-plan.ts";
import { isObject } from "../request/request-shape.ts";
import type { AnswerReading, ResponseReader } from "../response-reader.ts";
import { inputTokensOf, type Usage } from "../../usage/usage.ts";
import { detailsOf, MISSING, type Loose } from "../usage/usage-reading.ts";
import { billOf, billTermsOf } from "../usage/anthropic-bill.ts";
import { acceptedJob } from "./jobs.ts";
import { pricedModel, tierFieldsOf, tierName, type Platform } from "./platform.ts";
import { readStream } from "./read-stream.ts";
import type { Threads } from "./threads.ts";

/** The first events of a stream: only `message_start` has the lifetimes of cache writes, the tier and the geography. */
const HEAD_BYTES = 8 * 1024;

const OUTPUT: ReadonlySet<string> = new Set(OUTPUT_TOKEN_BUCKETS);

export function createReader(platform: Platform, threads: Threads): ResponseReader {
  const reading = (id: unknown, usage: unknown, model: string | null, plan: CallPlan): AnswerReading => {
    const tier = servedTier(platform, detailsOf(usage), plan);
    const bill = billOf(usage, model, billTermsOf(plan), tier, (name) => pricedModel(platform, name));
    if (bill.usage.kind === "usage") threads.learn(id, bill.usage.usage, plan);
    return {
      usage: bill.usage,
      served: { model: billedModel(platform, bill.model, plan), serviceTier: tier },
      ...(bill.also === undefined ? {} : { also: bill.also }),
    };
  };
  return {
    requestIdHeader: platform.requestIdHeader,
    headBytes: HEAD_BYTES,
    goesOnUnheard: false,
    answer: (body, plan) => {
      const job = acceptedJob(body, plan);
      if (job !== undefined) return { usage: MISSING, served: NOTHING_SERVED, job };
      const message = isObject(body) ? body : {};
      return reading(
        message["id"],
        message["usage"],
        typeof message["model"] === "string" ? message["model"] : null,
        plan,
      );
    },
    events: (text, plan, estimator) => {
      const { id, usage, model, ...stream } = readStream(text, estimator, plan.model);
      const read = reading(id, usage, model, plan);
      const stated = read.usage.kind === "usage" ? withoutOutput(read.usage.usage) : {};
      return { ...read, ...stream, ...(inputTokensOf(stated) > 0 ? { statedInput: stated } : {}) };
    },
    mayReason: (model) => !/claude-(?:instant|v?[12]\b|3-(?:opus|sonnet|haiku|5-))/.test(model),
  };
}

/**
 * What the answer leaves out (older APIs, gateways, usage of the stable API) is taken to be what was asked for, field by
 * field. Null when nothing is said and nothing was asked for.
 */
function servedTier(platform: Platform, usage: Loose, plan: CallPlan): string | null {
  const stated = (field: string): string | null =>
    typeof usage[field] === "string" && usage[field] !== "" ? usage[field] : null;
  const asked = tierFieldsOf(plan.serviceTier);
  const serviceTier = stated("service_tier") ?? asked.serviceTier;
  const speed = stated("speed") ?? asked.speed;
  const inferenceGeo = stated("inference_geo") ?? asked.inferenceGeo;
  const said = serviceTier ?? speed ?? inferenceGeo;
  const tier = said === null ? null : tierName(platform, { serviceTier, speed, inferenceGeo });
  if (platform.geography === "") return tier ?? "default";
  // A price of the application's own need not know of locations.
  const located = tier ?? tierName(platform, {});
  return Object.hasOwn(plan.price.serviceTiers, located)
    ? located
    : anthropicServiceTier({ serviceTier, speed });
}

/** On Bedrock the price goes by the id that was asked for, with its geography; the answer has only the model's name. */
function billedModel(platform: Platform, model: string | null, plan: CallPlan): string | null {
  if (model === null || platform.name !== "bedrock") return model;
  return plan.model.includes(model) ? plan.model : model;
}

function withoutOutput(usage: Usage): Usage {
  return Object.fromEntries(Object.entries(usage).filter(([bucket]) => !OUTPUT.has(bucket)));
}
