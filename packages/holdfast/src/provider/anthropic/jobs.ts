/**
 * @module Message batches: when an answer says that there is one, and what its results say that it did cost.
 *
 * A batch ends within 24 hours; its results can be downloaded for 29 days. Only requests that succeeded are billed, at half
 * price (platform.claude.com, batch processing, 2026-11).
 */
import type { BilledPart } from "../../guard/attempt-outcome.ts";
import type { CallPlan } from "../../guard/call-plan.ts";
import type { Guard } from "../../guard/guard.ts";
import { FREE_PRICE } from "../../price/no-price.ts";
import { LineReader } from "../job/lines.ts";
import { parseJson } from "../observe/event-data.ts";
import { isObject, stringOf, type Body } from "../request/request-shape.ts";
import type { AcceptedJob, ResponseReader } from "../response-reader.ts";
import { addUsage } from "../usage/usage-reading.ts";

const DAY_MS = 86_400_000;
/** How long the batch may take, and then the application until it looks at the results. */
const BATCH_MS = 3 * DAY_MS;
const LONGEST_LINE = 64 * 1024 * 1024;
/** Models in one batch, each at its tiers. */
const PARTS_MAX = 200;

/** Where an answer was read: its HTTP status and the provider's id of the request. */
export interface SeenIn {
  readonly status: number;
  readonly providerRequestId: string | null;
}

/** The batch that this answer to a request for one says goes on. */
export function acceptedJob(body: unknown, plan: CallPlan): AcceptedJob | undefined {
  if (plan.job === undefined || !isObject(body)) return undefined;
  return { jobId: stringOf(body["id"]), ttlMs: BATCH_MS };
}

/** Gives back what is held for the batch if this description of it says that it is over and billed nothing. */
export function settleIfUnbilled(guard: Guard, provider: string, batch: unknown, seen: SeenIn): void {
  if (!isObject(batch) || batch["processing_status"] !== "ended") return;
  const counts = isObject(batch["request_counts"]) ? batch["request_counts"] : {};
  if (counts["succeeded"] !== 0) return;
  guard.jobs.fail({ provider, jobId: stringOf(batch["id"]) }, seen.status, seen.providerRequestId);
}

/** Results say nothing of the request that they answer, so a cache write without its lifetime is taken for the long one. */
const RESULT: CallPlan = {
  provider: "",
  endpoint: "messages",
  model: "",
  stream: false,
  serviceTier: "batch",
  heldServiceTier: "batch",
  price: FREE_PRICE,
  estimate: {
    usage: { cacheWriteLongTokens: 1 },
    outputBound: "none",
    inputBound: "request",
    choices: 1,
    outputTokensPerChoice: 0,
    limitable: false,
    extraOutputTokens: 0,
    uncalibratedInputTokens: null,
    usageWhenSilent: null,
  },
  worstCaseNanoUsd: 0,
};

/** Reads the results of a batch as they are downloaded. */
export class BatchResults {
  readonly #guard: Guard;
  readonly #provider: string;
  readonly #batchId: string;
  readonly #reader: ResponseReader;
  readonly #seen: SeenIn;
  /** By model and tier. */
  readonly #parts = new Map<string, BilledPart>();
  readonly #lines = new LineReader((line) => this.#read(line), LONGEST_LINE);
  /** Results that were billed and do not say what they used. */
  #silent = 0;

  constructor(guard: Guard, provider: string, batchId: string, reader: ResponseReader, seen: SeenIn) {
    this.#guard = guard;
    this.#provider = provider;
    this.#batchId = batchId;
    this.#reader = reader;
    this.#seen = seen;
  }

  push(bytes: Uint8Array): void {
    this.#lines.push(bytes);
  }

  /** All of it was read. */
  end(): void {
    this.#lines.end();
    const isKnown = this.#silent === 0 && !this.#lines.isTooLong;
    const [first, ...also] = this.#parts.values();
    this.#guard.jobs.settle(
      { provider: this.#provider, jobId: this.#batchId },
      {
        class: "complete",
        ...this.#seen,
        served: { model: first?.model ?? null, serviceTier: first?.serviceTier ?? null },
        usage: isKnown ? (first?.usage ?? {}) : undefined,
        ...(isKnown ? {} : { problem: `${this.#silent} results do not say what they used` }),
        ...(isKnown && also.length > 0 ? { also } : {}),
      },
    );
  }

  #read(text: string): void {
    const line = parseJson(text);
    const result = isObject(line) ? line["result"] : undefined;
    if (!isObject(result) || result["type"] !== "succeeded") return;
    const message = asBatched(result["message"]);
    const { usage, served, also = [] } = this.#reader.answer(message, RESULT);
    if (usage.kind !== "usage" || served.model === null) {
      this.#silent += 1;
      return;
    }
    // A result that does not say where it was made is billed as the batch was asked for.
    const saysWhere = isObject(message["usage"]) && typeof message["usage"]["inference_geo"] === "string";
    const serviceTier = saysWhere ? served.serviceTier : null;
    this.#add({ model: served.model, serviceTier, usage: usage.usage });
    for (const part of also) this.#add({ ...part, serviceTier });
  }

  #add(part: BilledPart): void {
    const key = `${part.serviceTier ?? ""} ${part.model}`;
    const before = this.#parts.get(key);
    if (before === undefined && this.#parts.size >= PARTS_MAX) this.#silent += 1;
    else this.#parts.set(key, { ...part, usage: addUsage(before?.usage ?? {}, part.usage) });
  }
}

/** Whatever tier the usage of a result names, or leaves out: it was made in a batch. */
function asBatched(message: unknown): Body {
  if (!isObject(message)) return {};
  const { usage } = message as { usage?: unknown };
  return isObject(usage) ? { ...message, usage: { ...usage, service_tier: "batch" } } : message;
}
