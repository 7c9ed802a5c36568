/**
 * @module OpenAI's work that goes on after the request has returned: batches and background responses. When an answer
 * says that there is such work, and what its result says that it did cost.
 *
 * Sources: platform docs "Batch" and "Background mode", and the types of the SDK 7.57 (2026-11). A batch is done within
 * its completion window (24 hours); `usage` is in batches since 2025-09-07, before that only in the lines of its output.
 */
import type { CallPlan } from "../../guard/call-plan.ts";
import type { Guard } from "../../guard/guard.ts";
import { inputTokensOf, outputTokensOf, type Usage, type UsageBucket } from "../../usage/usage.ts";
import { isObject, stringOf, type Body } from "../request/request-shape.ts";
import type { AcceptedJob } from "../response-reader.ts";
import { readUsage, searchesAsHeld, type PlainOutput } from "../usage/openai-usage.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** How long the application may take to look at the result of a batch, behind the end of its window. */
const BATCH_LOOK_MS = 2 * DAY_MS;
/** Nothing is said about how long a background response may take; deep research takes up to hours. */
const BACKGROUND_MS = DAY_MS;
/** How long it is known which batch an output file is of. */
const OUTPUT_KNOWN_MS = 7 * DAY_MS;

/** Where an answer was read: its HTTP status and the provider's id of the request. */
export interface SeenIn {
  readonly status: number;
  readonly providerRequestId: string | null;
}

/** The job that this answer to a request for one says goes on. */
export function acceptedJob(body: unknown, plan: CallPlan): AcceptedJob | undefined {
  if (plan.job === undefined || !isObject(body)) return undefined;
  const jobId = stringOf(body["id"]);
  if (plan.endpoint === "batches") return { jobId, ttlMs: windowMs(body) + BATCH_LOOK_MS };
  const { status } = body;
  return status === "queued" || status === "in_progress" ? { jobId, ttlMs: BACKGROUND_MS } : undefined;
}

/** Settles the batch if this description of it says that it is over. */
export function settleBatch(guard: Guard, provider: string, batch: unknown, seen: SeenIn): void {
  if (!isObject(batch)) return;
  const key = { provider, jobId: stringOf(batch["id"]) };
  switch (batch["status"]) {
    case "completed":
    case "expired":
    case "cancelled":
    case "failed":
      break;
    default:
      return;
  }
  const outputFileId = stringOf(batch["output_file_id"]);
  // What it did cost is in its output, should the application download that.
  const waitForOutput = (): undefined => {
    guard.jobs.remember(outputKey(provider, outputFileId), key.jobId, OUTPUT_KNOWN_MS);
  };
  const reading = readUsage(batch);
  if (reading.kind === "usage" && tokensOf(reading.usage) > 0) {
    const model = typeof batch["model"] === "string" ? batch["model"] : null;
    // The tier of batches is the one that was held for.
    const served = { model, serviceTier: null };
    guard.jobs.settle(key, (plan) => {
      const fees = unsaidFees(plan);
      // Only the results list the searches that were made.
      if (Object.keys(fees).length > 0 && outputFileId !== "") return waitForOutput();
      const own = readUsage(batch, plainOutputOf(plan));
      const usage = withHeldKinds(own.kind === "usage" ? own.usage : reading.usage, plan);
      return { class: "complete", ...seen, served, usage: { ...usage, ...fees } };
    });
    return;
  }
  const counts = isObject(batch["request_counts"]) ? batch["request_counts"] : {};
  if (batch["status"] === "failed" || outputFileId === "" || counts["completed"] === 0) {
    guard.jobs.fail(key, seen.status, seen.providerRequestId);
    return;
  }
  waitForOutput();
}

/** Tokens whose kind the response does not state are of the kind that was held for. */
export function plainOutputOf({ estimate }: CallPlan): PlainOutput {
  if ((estimate.usage.outputImageTokens ?? 0) > 0) return "outputImageTokens";
  return (estimate.usage.outputAudioTokens ?? 0) > 0 ? "outputAudioTokens" : "outputTextTokens";
}

/** Fees in the worst case of a batch that its own usage says nothing of. */
function unsaidFees({ estimate, job }: CallPlan): Usage {
  const fees: { [B in UsageBucket]?: number } = {};
  for (const bucket of ["webSearches", "webSearchPreviews", "fileSearches"] as const) {
    const held = estimate.usage[bucket] ?? 0;
    if (held > 0 && job?.unreportedFees?.[bucket] === undefined) fees[bucket] = held;
  }
  return fees;
}

/** A total of input that is not divided: as much of it as was held for is of the dearer kinds. */
export function withHeldKinds(usage: Usage, { estimate, price }: CallPlan): Usage {
  let text = usage.inputTextTokens ?? 0;
  const moved: { [B in UsageBucket]?: number } = {};
  for (const bucket of ["inputAudioTokens", "inputImageTokens"] as const) {
    // Where one kind is stated, all of them are.
    if (usage[bucket] !== undefined) return usage;
    const tokens = Math.min(estimate.usage[bucket] ?? 0, text);
    if (tokens === 0 || price.rates[bucket] <= price.rates.inputTextTokens) continue;
    moved[bucket] = tokens;
    text -= tokens;
  }
  return Object.keys(moved).length === 0 ? usage : { ...usage, ...moved, inputTextTokens: text };
}

/** Settles the response if it ran in the background and this description of it says that it is over. */
export function settleResponse(guard: Guard, provider: string, response: unknown, seen: SeenIn): void {
  if (!isObject(response) || response["background"] !== true) return;
  const key = { provider, jobId: stringOf(response["id"]) };
  const reading = readUsage(response);
  const isBilled = reading.kind === "usage" && tokensOf(reading.usage) > 0;
  switch (response["status"]) {
    case "completed":
    case "incomplete":
      break;
    case "failed":
      if (isBilled) break;
      guard.jobs.fail(key, seen.status, seen.providerRequestId);
      return;
    case "cancelled":
      if (isBilled) break;
      // How much had been generated by then, nobody says.
      guard.jobs.settle(key, { class: "ambiguous", ...seen });
      return;
    default:
      return;
  }
  guard.jobs.settle(key, ({ estimate }) => {
    const own = searchesAsHeld(reading, estimate.usage);
    return {
      class: "complete",
      ...seen,
      served: servedBy(response),
      usage: own.kind === "usage" ? own.usage : undefined,
      ...(own.kind === "invalid" ? { problem: own.problem } : {}),
    };
  });
}

/** What is known of an output file, by `guard.jobs.remember`: the id of its batch. */
export function outputKey(provider: string, fileId: string): { provider: string; jobId: string } {
  return { provider: `${provider}/output`, jobId: fileId };
}

export function servedBy(body: Body): { model: string | null; serviceTier: string | null } {
  return {
    model: typeof body["model"] === "string" ? body["model"] : null,
    serviceTier: typeof body["service_tier"] === "string" ? body["service_tier"] : null,
  };
}

function tokensOf(usage: Usage): number {
  return inputTokensOf(usage) + outputTokensOf(usage);
}

/** "24h"; anything else is taken for that. */
function windowMs(batch: Body): number {
  const hours = /^(\d{1,4})h$/.exec(stringOf(batch["completion_window"]))?.[1];
  return hours === undefined ? DAY_MS : Math.max(1, Number(hours)) * HOUR_MS;
}
