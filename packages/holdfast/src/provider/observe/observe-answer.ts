/** @module Watches one answer of a provider and ends its attempt with the truth. */
import { NOTHING_SERVED, type AttemptOutcome, type Served } from "../../guard/attempt-outcome.ts";
import type { CallPlan } from "../../guard/call-plan.ts";
import type { GuardSettings } from "../../guard/guard-settings.ts";
import type { Attempt } from "../../guard/guarded-call.ts";
import { outputTokensOf, withFees, type Usage } from "../../usage/usage.ts";
import type { ResponseReader, StreamReading } from "../response-reader.ts";
import type { UsageReading } from "../usage/usage-reading.ts";
import { SharedEnd, type BodyObserver } from "./body-observer.ts";
import { parseJson } from "./event-data.ts";
import { observeResponse } from "./observe-response.ts";
import type { StreamOptions } from "./observe-stream.ts";
import { StreamTail } from "./stream-tail.ts";

/** Takes out of a stream what was only sent because Holdfast asked for it. */
export interface StreamFilter {
  /** Returns what is passed on of these bytes; none when an event is not whole yet. */
  chunk(bytes: Uint8Array): Uint8Array;
  /** What was kept back, at the end. */
  rest(): Uint8Array | undefined;
}

export interface ObservedCall extends StreamOptions {
  readonly plan: CallPlan;
  readonly attempt: Attempt;
  readonly reader: ResponseReader;
  readonly settings: GuardSettings;
  /** Added to whatever usage the response reports. */
  readonly unreportedFees: Usage;
  /** For a stream that carries more than the application asked for. */
  readonly createFilter?: (() => StreamFilter) | undefined;
  /** The request's own abort signal: it may fire when nobody reads. */
  readonly signal: AbortSignal | undefined;
  /** Ms since the epoch, now. */
  readonly now: () => number;
}

/** Statuses with which a gateway gives up on a request that the provider may be working on, and billing. */
const GATEWAY_TIMEOUTS: ReadonlySet<number> = new Set([504, 524]);

/** Chunks between two looks at the age of the hold. */
const KEEP_ALIVE_CHUNKS = 64;

/**
 * Of a stream that creates a job: its name is said at the start, where the provider repeats the request (instructions,
 * tools), and without it the job is lost when the stream is.
 */
const JOB_HEAD_BYTES = 256 * 1024;

export function observeAnswer(response: Response, call: ObservedCall): void {
  const { attempt, plan } = call;
  const status = response.status;
  const providerRequestId = response.headers.get(call.reader.requestIdHeader);
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

function servedAs(served: Served, { headers }: Response, { reader }: ObservedCall): Served {
  const serviceTier = served.serviceTier ?? reader.tierInHeaders?.(headers) ?? null;
  return serviceTier === served.serviceTier ? served : { ...served, serviceTier };
}

type Answer = Pick<Extract<AttemptOutcome, { class: "complete" }>, "status" | "providerRequestId">;

function parseBody(text: string, { reader, plan }: ObservedCall): unknown {
  return reader.parse === undefined ? parseJson(text) : reader.parse(text, plan);
}

function observeJson(response: Response, call: ObservedCall, answer: Answer): void {
  const complete = (body: unknown): void => {
    const { usage, served, also, job } = call.reader.answer(body, call.plan);
    if (job !== undefined && call.plan.job !== undefined) {
      call.attempt.accept(job.jobId, job.ttlMs);
      return;
    }
    call.attempt.end({
      class: "complete",
      ...answer,
      served: servedAs(served, response, call),
      ...usageOf(usage, call),
      ...(also === undefined ? {} : { also }),
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
        if (!call.attempt.ended) complete(parseBody(text, call));
        return text;
      },
      json: complete,
      end: (how) => {
        if (how === "done" && !call.attempt.ended)
          complete(parseBody(new TextDecoder().decode(Buffer.concat(chunks)), call));
        end(how);
      },
    };
  });
}

function observeEvents(response: Response, call: ObservedCall, answer: Answer): void {
  const { attempt, plan, reader, settings, signal } = call;
  const startedAtMs = call.now();
  let latest: StreamTail | undefined;
  const finish = (reading: StreamReading): void => {
    signal?.removeEventListener("abort", onAbort);
    // A job goes on when nobody listens; one whose name was not seen cannot be asked after.
    if (plan.job !== undefined && !reading.finished)
      attempt.accept(reading.job?.jobId ?? "", reading.job?.ttlMs ?? 0);
    else {
      const served = servedAs(reading.served, response, call);
      attempt.end(outcomeOf({ ...reading, served }, call, answer, call.now() - startedAtMs));
    }
  };
  const finishWithTail = (): void => {
    if (attempt.ended) return;
    finish((latest ?? new StreamTail()).read(reader, plan, settings.estimator));
  };
  const ended = new SharedEnd(finishWithTail);
  const onAbort = finishWithTail;
  signal?.addEventListener("abort", onAbort, { once: true });
  observeResponse(
    response,
    (): BodyObserver => {
      const tail = new StreamTail(Math.max(reader.headBytes, plan.job === undefined ? 0 : JOB_HEAD_BYTES));
      const filter = call.createFilter?.();
      const end = ended.branch();
      let chunks = 0;
      return {
        chunk: (bytes) => {
          tail.push(bytes);
          latest = tail;
          chunks += 1;
          if (chunks % KEEP_ALIVE_CHUNKS === 0) attempt.keepAlive();
          return filter === undefined ? bytes : filter.chunk(bytes);
        },
        rest: () => filter?.rest(),
        text: (text) => {
          if (!attempt.ended) finish(reader.events(text, plan, settings.estimator));
          // Whoever reads it as one text has not read any of it in pieces.
          return filter === undefined ? text : filteredText(text, filter);
        },
        json: () => undefined,
        end: (how) => {
          latest = tail;
          end(how);
        },
      };
    },
    call,
  );
}

function outcomeOf(
  reading: StreamReading,
  call: ObservedCall,
  answer: Answer,
  elapsedMs: number,
): AttemptOutcome {
  const { plan, reader } = call;
  const { served, also, statedInput } = reading;
  if (reading.usage.kind !== "missing" && reading.finished) {
    return {
      class: "complete",
      ...answer,
      served,
      ...usageOf(reading.usage, call),
      ...(also === undefined ? {} : { also }),
    };
  }
  const { settlement } = call.settings;
  const hidden =
    (plan.mayReason ?? reader.mayReason(served.model ?? plan.model))
      ? Math.ceil((elapsedMs * settlement.hiddenOutputTokensPerSecond) / 1_000)
      : 0;
  const soFar = reading.usage.kind === "usage" ? outputTokensOf(reading.usage.usage) : 0;
  // A server that finished and reported nothing has nothing more under way.
  const finished = reading.finished && !reading.failed;
  const all = reader.goesOnUnheard && !finished && !reading.failed ? outputTokensOf(plan.estimate.usage) : 0;
  return {
    class: "partial",
    ...answer,
    served,
    seenOutputTokens: Math.max(reading.seenOutputTokens, soFar, all) + hidden,
    finished,
    ...(statedInput === undefined ? {} : { statedInput }),
  };
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

/** The filter for a stream that is read as one text. */
export function filteredText(text: string, filter: StreamFilter): string {
  const events = filter.chunk(Buffer.from(text, "utf8"));
  return new TextDecoder().decode(Buffer.concat([events, filter.rest() ?? new Uint8Array(0)]));
}
