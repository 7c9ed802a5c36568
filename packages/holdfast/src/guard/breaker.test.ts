import { describe, expect, it } from "vitest";
import { afterFailure, askBreaker, CLOSED, type BreakerState } from "./breaker.ts";

const SETTINGS = { failures: 3, cooldownMs: 1_000 };

function failed(times: number, nowMs: number, from: BreakerState = CLOSED): BreakerState {
  let state = from;
  for (let n = 0; n < times; n += 1) state = afterFailure(state, SETTINGS, nowMs);
  return state;
}

describe("the breaker", () => {
  it.each([
    ["closed", CLOSED, 0, true, "closed"],
    ["closed after two failures", failed(2, 0), 0, true, "closed"],
    ["open after three, at once", failed(3, 0), 0, false, "open"],
    ["open until the last millisecond", failed(3, 0), 999, false, "open"],
    ["open and cool: one probe", failed(3, 0), 1_000, true, "probing"],
    ["probing: nobody else", askBreaker(failed(3, 0), 1_000).state, 9_999, false, "probing"],
  ] as const)("%s", (_, state, nowMs, passes, next) => {
    const asked = askBreaker(state, nowMs);
    expect([asked.passes, asked.state.kind]).toEqual([passes, next]);
  });

  it("opens again when the probe fails, for another cooldown", () => {
    const probing = askBreaker(failed(3, 0), 1_000).state;
    expect(afterFailure(probing, SETTINGS, 1_200)).toEqual({ kind: "open", untilMs: 2_200 });
  });

  it("is not prolonged by failures of questions that were under way when it opened", () => {
    expect(failed(1, 800, failed(3, 0))).toEqual({ kind: "open", untilMs: 1_000 });
  });

  it("with one failure allowed opens at the first", () => {
    expect(afterFailure(CLOSED, { failures: 1, cooldownMs: 5 }, 10)).toEqual({ kind: "open", untilMs: 15 });
  });
});
