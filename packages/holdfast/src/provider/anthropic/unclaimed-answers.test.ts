import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Attempt } from "../../guard/guarded-call.ts";
import { observeResponse } from "../observe/observe-response.ts";
import { UnclaimedAnswers } from "./unclaimed-answers.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Given {
  readonly response: Response;
  readonly attempt: Attempt & { readonly outcomes: readonly unknown[] };
}

function answer(): Given {
  const response = new Response("{}", { headers: { "request-id": "req_1" } });
  observeResponse(response, () => ({
    chunk: (bytes) => bytes,
    rest: () => undefined,
    text: (text) => text,
    json: () => undefined,
    end: () => undefined,
  }));
  const outcomes: unknown[] = [];
  const attempt = { ended: false, end: (outcome: unknown) => void outcomes.push(outcome), outcomes };
  return { response, attempt: attempt as never };
}

const LOST = [{ class: "ambiguous", status: 200, providerRequestId: "req_1" }];

it("what nobody reads is taken for lost five seconds after the call has returned", () => {
  const [first, late] = [answer(), answer()];
  const answers = new UnclaimedAnswers("request-id");
  answers.add(first.response, first.attempt);
  vi.advanceTimersByTime(60_000);
  expect(first.attempt.outcomes).toEqual([]);
  answers.over(undefined);
  vi.advanceTimersByTime(4_999);
  expect(first.attempt.outcomes).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(first.attempt.outcomes).toEqual(LOST);
  answers.add(late.response, late.attempt);
  vi.advanceTimersByTime(5_000);
  expect(late.attempt.outcomes).toEqual(LOST);
  expect(first.attempt.outcomes).toHaveLength(1);
});

it("what the call returned is not, however late it is read", () => {
  const { response, attempt } = answer();
  const answers = new UnclaimedAnswers("request-id");
  answers.add(response, attempt);
  answers.over(response);
  vi.advanceTimersByTime(60_000);
  expect(attempt.outcomes).toEqual([]);
});

it.each<[string, (response: Response) => unknown]>([
  ["text", (response) => response.text()],
  ["body", (response) => response.body],
  ["clone", (response) => response.clone()],
])("what has begun to be read, before or after the call has returned, is not: %s", (_way, read) => {
  const [before, after] = [answer(), answer()];
  const answers = new UnclaimedAnswers("request-id");
  for (const { response, attempt } of [before, after]) answers.add(response, attempt);
  read(before.response);
  answers.over(undefined);
  vi.advanceTimersByTime(2_000);
  read(after.response);
  vi.advanceTimersByTime(60_000);
  expect([before, after].map(({ attempt }) => attempt.outcomes)).toEqual([[], []]);
});
