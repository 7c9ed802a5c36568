/**
 * @module One call of a method of @google/generative-ai under the guard. The method is the attempt: it sends one request,
 * and reports how that ended by what it returns.
 */
import { NOTHING_SERVED } from "../../guard/attempt-outcome.ts";
import type { CallPlan } from "../../guard/call-plan.ts";
import type { Attempt } from "../../guard/guarded-call.ts";
import { outputTokensOf, type Usage } from "../../usage/usage.ts";
import { holdForRequest } from "../hold-for-request.ts";
import { perCallAttribution } from "../per-call-attribution.ts";
import type { PlannedRequest } from "../plan-request.ts";
import { isObject, type Body } from "../request/request-shape.ts";
import type { MeteredEndpoint } from "./endpoint.ts";
import type { SingleRequestOptions, StreamResult } from "./generative-ai-shape.ts";
import { planFields, type RequestContext } from "./guarded-request.ts";
import { googleReader } from "./reader.ts";

export interface MethodCall {
  readonly endpoint: MeteredEndpoint;
  /** The body as it will be sent, with the model as `model`. */
  readonly fields: Body;
  readonly options: SingleRequestOptions;
  /** The application's, from the call or from the model. */
  readonly signal: AbortSignal | undefined;
  /** The provider's own count of the input, when it is asked for. */
  readonly count?: (() => Promise<Usage | undefined>) | undefined;
}

/**
 * Holds, sends and settles.
 *
 * @param send gets the limit to add to the request, and the options to send it with
 * @throws any HoldfastError; nothing has been sent then
 */
export async function guardMethod<R>(
  context: RequestContext,
  call: MethodCall,
  send: (additions: Body, options: SingleRequestOptions) => Promise<R>,
  settle: (attempt: Attempt, plan: CallPlan, result: R) => void,
): Promise<R> {
  const attribution = context.defaults.resolve(perCallAttribution(call.options));
  const wasAborted = isAborted(call);
  const exact = context.exactInputTokens ? await call.count?.() : undefined;
  const planned: PlannedRequest = planFields(context, call.endpoint, call.fields, exact);
  const guarded = await holdForRequest(context.guard, planned, attribution, undefined);
  if (!wasAborted && isAborted(call)) {
    guarded.abandon();
    return send(planned.additions, { ...call.options, signal: FIRED });
  }
  await guarded.prepareAttempt();
  const attempt = guarded.takeAttempt()!;
  let result: R;
  try {
    result = await send(planned.additions, call.options);
  } catch (error) {
    endFailed(attempt, error);
    throw error;
  }
  settle(attempt, planned.plan, result);
  return result;
}

function isAborted({ signal }: MethodCall): boolean {
  return signal?.aborted === true;
}

/** The SDK listens to a signal only from the moment of sending; one that fired before that would never be heard. */
const FIRED = {
  aborted: true,
  addEventListener: (_type: string, listener: () => void): void => listener(),
} as unknown as AbortSignal;

/** Statuses with which a gateway gives up on a request that the provider may be working on, and billing. */
const GATEWAY_TIMEOUTS: ReadonlySet<number> = new Set([504, 524]);

/** Errors of the SDK's own checks, before anything is sent, have its prefix and speak of no address. */
const BEFORE_SENDING = /^\[GoogleGenerativeAI Error\]: (?!Error fetching from|Request aborted)/;

function endFailed(attempt: Attempt, error: unknown): void {
  const { status, message } = (isObject(error) ? error : {}) as { status?: unknown; message?: unknown };
  if (typeof status === "number") {
    attempt.end({
      class: GATEWAY_TIMEOUTS.has(status) ? "ambiguous" : "refused",
      status,
      providerRequestId: null,
    });
  } else if (typeof message === "string" && BEFORE_SENDING.test(message)) {
    attempt.end({ class: "not-sent" });
  } else {
    attempt.end({ class: "ambiguous", status: null, providerRequestId: null });
  }
}

/** Ends an attempt by its answer. */
export function settleAnswer(attempt: Attempt, plan: CallPlan, answer: unknown): void {
  const { usage, served } = googleReader.answer(answer, plan);
  attempt.end({
    class: "complete",
    status: 200,
    providerRequestId: null,
    served,
    usage: usage.kind === "usage" ? usage.usage : undefined,
    ...(usage.kind === "invalid" ? { problem: usage.problem } : {}),
  });
}

/** Ends an attempt when the SDK has read its stream, which it does whether the application reads it or not. */
export function settleStream(attempt: Attempt, plan: CallPlan, { response }: StreamResult): void {
  const leave = (): void => {
    // It goes on at the provider, and is billed in full: see reader.ts.
    const seenOutputTokens = outputTokensOf(plan.estimate.usage);
    attempt.end({
      class: "partial",
      status: 200,
      providerRequestId: null,
      served: NOTHING_SERVED,
      seenOutputTokens,
      finished: false,
    });
  };
  response.then((answer) => (isFinished(answer) ? settleAnswer(attempt, plan, answer) : leave()), leave);
}

function isFinished(answer: unknown): boolean {
  if (!isObject(answer)) return false;
  if (isObject(answer["promptFeedback"]) && answer["promptFeedback"]["blockReason"] !== undefined)
    return true;
  const candidates = Array.isArray(answer["candidates"]) ? (answer["candidates"] as unknown[]) : [];
  return candidates.some((one) => isObject(one) && one["finishReason"] !== undefined);
}
