import { describe, expect, it } from "vitest";
import { HoldfastClosedError } from "../../error/holdfast-closed-error.ts";
import type { AttemptOutcome } from "../../guard/attempt-outcome.ts";
import type { Attempt } from "../../guard/guarded-call.ts";
import { endWithError, requestIdOf } from "./model-outcome.ts";

function endedBy(error: unknown): AttemptOutcome {
  const outcomes: AttemptOutcome[] = [];
  endWithError({ end: (outcome: AttemptOutcome) => outcomes.push(outcome) } as unknown as Attempt, error);
  expect(outcomes).toHaveLength(1);
  return outcomes[0]!;
}

const apiError = (more: object): Error =>
  Object.assign(new Error("failed"), { name: "AI_APICallError" }, more);
const named = (name: string): Error => Object.assign(new Error("failed"), { name });

describe("a model call that failed", () => {
  it.each([400, 401, 404, 408, 409, 413, 429, 500, 502, 503, 529])(
    "is refused with %i, and free",
    (statusCode) => {
      const error = apiError({ statusCode, responseHeaders: { "x-request-id": "req_1" } });
      expect(endedBy(error)).toEqual({ class: "refused", status: statusCode, providerRequestId: "req_1" });
    },
  );

  it.each<[string, object]>([
    ["a gateway that gave up", { statusCode: 504 }],
    ["another's", { statusCode: 524 }],
    ["an answer whose body could not be used", { statusCode: 200 }],
    [
      "a stream that began with an error",
      { statusCode: 529, responseHeaders: { "content-type": "text/event-stream; charset=utf-8" } },
    ],
    ["a refused continuation", { statusCode: 429, requestBodyValues: { continuationToken: "t" } }],
  ])("may have been billed after %s", (_, more) => {
    expect(endedBy(apiError(more))).toMatchObject({ class: "ambiguous" });
  });

  it.each<[string, unknown]>([
    ["a lost connection", apiError({ cause: Object.assign(new Error("lost"), { code: "ECONNRESET" }) })],
    ["an abort", new DOMException("aborted", "AbortError")],
    ["a timeout", new DOMException("too long", "TimeoutError")],
    ["an answer that is not one", named("AI_InvalidResponseDataError")],
    ["something that is no error", "failed"],
    ["nothing", undefined],
  ])("may have been billed after %s", (_, error) => {
    expect(endedBy(error)).toEqual({ class: "ambiguous", status: null, providerRequestId: null });
  });

  it.each<[string, unknown]>([
    ["no connection", apiError({ cause: Object.assign(new Error("refused"), { code: "ECONNREFUSED" }) })],
    ["no address", apiError({ cause: Object.assign(new Error("who?"), { code: "ENOTFOUND" }) })],
    ["no key", named("AI_LoadAPIKeyError")],
    ["a prompt that cannot be sent", named("AI_InvalidPromptError")],
    ["options that cannot be sent", named("AI_InvalidArgumentError")],
    ["what the provider does not have", named("AI_UnsupportedFunctionalityError")],
    ["a guard below", new HoldfastClosedError("closed")],
  ])("was not sent: %s", (_, error) => {
    expect(endedBy(error)).toEqual({ class: "not-sent" });
  });
});

it.each<[unknown, string | null]>([
  [{ "x-request-id": "a" }, "a"],
  [{ "request-id": "b" }, "b"],
  [{ "x-amzn-requestid": "c" }, "c"],
  [{}, null],
  [undefined, null],
  [{ "x-request-id": 7 }, null],
])("the provider's id of the request is in its headers: %j", (headers, expected) => {
  expect(requestIdOf(headers)).toBe(expected);
});
