/**
 * @module Watches the parts of one model's stream and ends its attempt with the truth.
 *
 * The parts pass through one by one, untouched, when they are asked for: no tee, which would keep a generation alive
 * that the application has cancelled, and no part read ahead. While the stream runs, its text is only kept; what it may
 * have cost is worked out once, and only if it ends before its usage.
 */
import { outputTokensOf, inputTokensOf, type Usage } from "../../usage/usage.ts";
import type { AttemptOutcome, Served } from "../../guard/attempt-outcome.ts";
import type { CallPlan } from "../../guard/call-plan.ts";
import type { Guard } from "../../guard/guard.ts";
import type { Attempt } from "../../guard/guarded-call.ts";
import { isObject, type Body } from "../request/request-shape.ts";
import type { WireFamily } from "./billed-provider.ts";
import { completeOf, feeOfPart, usageIn, type AskedFor } from "./model-outcome.ts";
import type { ToolFee } from "./provider-tools.ts";
import { servedTier } from "./service-tier.ts";

/** Parts between two looks at the age of the hold. */
const KEEP_ALIVE_PARTS = 64;

export interface WatchedParts {
  readonly guard: Guard;
  readonly plan: CallPlan;
  readonly attempt: Attempt;
  readonly asked: AskedFor;
  readonly providerRequestId: string | null;
  /** The caller's own: it may fire when nobody reads. */
  readonly signal: AbortSignal | undefined;
}

export function watchParts(stream: ReadableStream<unknown>, watched: WatchedParts): ReadableStream<unknown> {
  const tally = new PartTally(watched);
  const { signal } = watched;
  const onAbort = (): void => tally.end();
  if (signal?.aborted === true) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  const end = (): void => {
    signal?.removeEventListener("abort", onAbort);
    tally.end();
  };
  let reader: ReadableStreamDefaultReader<unknown> | undefined;
  return new ReadableStream<unknown>(
    {
      pull: async (controller) => {
        reader ??= stream.getReader();
        try {
          const { done, value } = await reader.read();
          if (!done) {
            tally.add(value);
            controller.enqueue(value);
            return;
          }
        } catch (error) {
          end();
          controller.error(error);
          return;
        }
        end();
        controller.close();
      },
      cancel: (reason) => {
        end();
        return reader === undefined ? stream.cancel(reason) : reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Providers whose usage runs along with the stream, so that what it says before the end is not all. */
const RUNNING_USAGE: ReadonlySet<WireFamily> = new Set(["anthropic", "google"]);

class PartTally {
  readonly #watched: WatchedParts;
  readonly #startedAtMs: number;
  #parts = 0;
  /** Text that was generated, as it came. */
  readonly #seen: string[] = [];
  /** Tool calls whose input has come piece by piece. */
  readonly #streamedInputs = new Set<unknown>();
  /** A picture or a sound, whose tokens cannot be told from its bytes. */
  #sawFile = false;
  #model: string | null = null;
  #uses: { [F in ToolFee]?: number } = {};
  #finish: Body | undefined;

  constructor(watched: WatchedParts) {
    this.#watched = watched;
    this.#startedAtMs = watched.guard.clock.now();
  }

  /** Never throws: the part is the application's, whatever it is. */
  add(part: unknown): void {
    try {
      this.#count(part);
    } catch {
      this.#watched.attempt.end(this.#unreadable());
    }
  }

  #count(part: unknown): void {
    const { attempt, asked } = this.#watched;
    this.#parts += 1;
    if (this.#parts % KEEP_ALIVE_PARTS === 0) attempt.keepAlive();
    if (attempt.ended || !isObject(part)) return;
    switch (part["type"]) {
      case "text-delta":
      case "reasoning-delta":
      case "tool-input-delta":
        if (part["type"] === "tool-input-delta") this.#streamedInputs.add(part["id"]);
        if (typeof part["delta"] === "string") this.#seen.push(part["delta"]);
        return;
      case "tool-call": {
        const fee = feeOfPart(part, asked.feeByName);
        if (fee !== undefined) this.#uses[fee] = (this.#uses[fee] ?? 0) + 1;
        if (typeof part["input"] === "string" && !this.#streamedInputs.has(part["toolCallId"])) {
          this.#seen.push(part["input"]);
        }
        return;
      }
      case "file":
      case "reasoning-file":
        this.#sawFile = true;
        return;
      case "response-metadata":
        if (typeof part["modelId"] === "string") this.#model = part["modelId"];
        return;
      case "finish":
        this.#finish = part;
        this.end();
        return;
      default:
        // Markers, sources, raw chunks and errors generate nothing; an error is followed by a finish or by the end.
        return;
    }
  }

  /** Called at the finish, at the end, at an abort: whichever comes first. Never throws. */
  end(): void {
    const { attempt } = this.#watched;
    if (attempt.ended) return;
    let outcome: AttemptOutcome;
    try {
      outcome = this.#outcome();
    } catch {
      outcome = this.#unreadable();
    }
    attempt.end(outcome);
  }

  /** Something in the stream is not the SDK's kind: all that was held is charged. */
  #unreadable(): AttemptOutcome {
    return { class: "ambiguous", status: 200, providerRequestId: this.#watched.providerRequestId };
  }

  #outcome(): AttemptOutcome {
    const { asked, plan, providerRequestId } = this.#watched;
    const finish = this.#finish;
    const usage = finish?.["usage"];
    const metadata = finish?.["providerMetadata"];
    const served: Served = {
      model: this.#model,
      serviceTier: servedTier(asked.provider, usage, metadata, undefined),
    };
    const { usage: reading } = usageIn(usage, undefined, this.#model, asked);
    const stopped = isStopped(finish);
    if (reading.kind !== "missing" && (stopped || !RUNNING_USAGE.has(asked.provider.family))) {
      const finished = { usage, metadata, body: undefined, served, uses: this.#uses };
      const complete = completeOf(finished, providerRequestId, asked);
      if (complete.usage === undefined || asked.provider.family !== "openai") return complete;
      return { ...complete, usage: withSound(complete.usage, plan.estimate.usage) };
    }
    return this.#partial(served, reading.kind === "usage" ? reading.usage : undefined, stopped);
  }

  #partial(served: Served, soFar: Usage | undefined, finished: boolean): AttemptOutcome {
    const { guard, plan, asked, providerRequestId } = this.#watched;
    const { estimator, settlement } = guard.settings;
    const text = this.#seen.join("");
    const seen = Math.max(
      text === "" ? 0 : estimator.estimate(text, asked.model),
      soFar === undefined ? 0 : outputTokensOf(soFar),
      this.#sawFile ? outputTokensOf(plan.estimate.usage) : 0,
    );
    const elapsedMs = guard.clock.now() - this.#startedAtMs;
    const hidden =
      plan.mayReason === false ? 0 : Math.ceil((elapsedMs * settlement.hiddenOutputTokensPerSecond) / 1_000);
    return {
      class: "partial",
      status: 200,
      providerRequestId,
      served,
      seenOutputTokens: seen + hidden,
      finished,
      ...(soFar === undefined || inputTokensOf(soFar) === 0 ? {} : { statedInput: inputOf(soFar) }),
    };
  }
}

/** The provider itself said why it stopped. The SDK makes a finish part of any end, also of a connection's. */
function isStopped(finish: Body | undefined): boolean {
  if (finish === undefined) return false;
  const reason = finish["finishReason"];
  // Models of the old specification (v2) only have the word.
  if (!isObject(reason)) return reason !== "error" && reason !== "unknown";
  return reason["raw"] !== undefined && reason["raw"] !== null && reason["unified"] !== "error";
}

/**
 * The usage of a stream with as many tokens of sound as the request may have: OpenAI's provider package tells their sum
 * with the text only, and sound is the dearer of the two.
 */
function withSound(usage: Usage, held: Usage): Usage {
  const text = usage.inputTextTokens ?? 0;
  const sound = Math.min(held.inputAudioTokens ?? 0, text);
  if (sound === 0 || usage.inputAudioTokens !== undefined) return usage;
  return { ...usage, inputTextTokens: text - sound, inputAudioTokens: sound };
}

const OUTPUT = /^(output|reasoning)/;

function inputOf(usage: Usage): Usage {
  return Object.fromEntries(Object.entries(usage).filter(([bucket]) => !OUTPUT.test(bucket)));
}
