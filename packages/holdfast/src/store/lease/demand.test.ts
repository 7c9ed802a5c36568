import { describe, expect, it } from "vitest";
import { amounts, NO_AMOUNTS } from "../../ledger/amounts.ts";
import { Demand, HotScopes } from "./demand.ts";

describe("demand", () => {
  it("is the rate of the last one to two spans, for the horizon", () => {
    const demand = new Demand(0);
    for (let n = 0; n < 10; n += 1) demand.note(amounts({ calls: 1 }), n * 20);
    expect(demand.callsWithin(1_000, 200, 200)).toBe(50);
    demand.roll(200, 200);
    for (let n = 0; n < 30; n += 1) demand.note(amounts({ calls: 1 }), 200 + n);
    expect(demand.callsWithin(1_000, 200, 400)).toBe(100);
  });

  it("falls when nobody calls, and keeps in mind how large a call is", () => {
    const demand = new Demand(0);
    for (let n = 0; n < 10; n += 1) demand.note(amounts({ nanoUsd: 15, calls: 1 }), 0);
    for (let nowMs = 200; nowMs <= 2_000; nowMs += 200) demand.roll(nowMs, 200);
    expect(demand.callsWithin(1_000, 200, 2_000)).toBe(5);
    expect(demand.average()).toEqual(amounts({ nanoUsd: 15, calls: 1 }));
  });

  it("rounds the average call up, and knows none before the first", () => {
    const demand = new Demand(0);
    expect(demand.average()).toEqual({ ...NO_AMOUNTS });
    demand.note(amounts({ nanoUsd: 10 }), 0);
    demand.note(amounts({ nanoUsd: 11 }), 0);
    expect(demand.average().nanoUsd).toBe(11);
  });

  it("is taken to be more than was seen while calls have to wait, and not for ever", () => {
    const demand = new Demand(0);
    for (let n = 0; n < 10; n += 1) demand.note(amounts({ calls: 1 }), 0);
    const seen = demand.callsWithin(200, 200, 200);
    for (let n = 0; n < 5; n += 1) demand.ranDry();
    expect(demand.callsWithin(200, 200, 200)).toBe(2 * seen);
    demand.roll(200, 200);
    demand.ranDry();
    expect(demand.callsWithin(200, 200, 200)).toBe(4 * seen);
    for (let nowMs = 400; nowMs <= 2_000; nowMs += 200) demand.roll(nowMs, 200);
    expect(demand.callsWithin(2_000, 200, 2_000)).toBe(10);
  });
});

describe("hot scopes", () => {
  it("have so many calls in the last one to two spans", () => {
    const hot = new HotScopes(3, 1_000);
    expect([0, 100, 200].map((ms) => hot.note("a", ms))).toEqual([false, false, true]);
    expect(hot.note("b", 300)).toBe(false);
    expect(hot.note("a", 1_100)).toBe(true);
    expect(hot.note("a", 4_000)).toBe(false);
  });
});
