import { describe, expect, it } from "vitest";
import { holdTransition, type HoldState, type HoldVerb } from "./hold-state.ts";

const STATES: readonly HoldState[] = [
  "reserved",
  "dispatched",
  "settled",
  "released",
  "expired",
  "quarantined",
];
const VERBS: readonly HoldVerb[] = ["dispatch", "settle", "release", "renew", "expire"];

const to = (next: HoldState) => ({ allowed: true, next });
const no = (resolvedAs: string) => ({ allowed: false, resolvedAs });

describe("holdTransition", () => {
  const rows: [HoldState, HoldVerb, object][] = [
    ["reserved", "dispatch", to("dispatched")],
    ["reserved", "settle", to("settled")],
    ["reserved", "release", to("released")],
    ["reserved", "renew", to("reserved")],
    ["reserved", "expire", to("expired")],
    ["dispatched", "dispatch", to("dispatched")],
    ["dispatched", "settle", to("settled")],
    ["dispatched", "release", to("released")],
    ["dispatched", "renew", to("dispatched")],
    ["dispatched", "expire", to("expired")],
    ["quarantined", "dispatch", no("expired")],
    ["quarantined", "settle", to("settled")],
    ["quarantined", "release", to("released")],
    ["quarantined", "renew", no("expired")],
    ["quarantined", "expire", no("expired")],
    ["expired", "dispatch", no("expired")],
    ["expired", "settle", to("settled")],
    ["expired", "release", no("expired")],
    ["expired", "renew", no("expired")],
    ["expired", "expire", no("expired")],
    ["settled", "dispatch", no("settled")],
    ["settled", "settle", no("settled")],
    ["settled", "release", no("settled")],
    ["settled", "renew", no("settled")],
    ["settled", "expire", no("settled")],
    ["released", "dispatch", no("released")],
    ["released", "settle", no("released")],
    ["released", "release", no("released")],
    ["released", "renew", no("released")],
    ["released", "expire", no("released")],
  ];

  it.each(rows)("%s + %s", (state, verb, expected) => {
    expect(holdTransition(state, verb)).toEqual(expected);
  });

  it("is stated for every state and verb", () => {
    expect(new Set(rows.map(([state, verb]) => `${state} ${verb}`)).size).toBe(STATES.length * VERBS.length);
  });

  it("lets a hold leave for good: nothing leads out of settled and released", () => {
    for (const verb of VERBS) {
      expect(holdTransition("settled", verb).allowed).toBe(false);
      expect(holdTransition("released", verb).allowed).toBe(false);
    }
  });

  it("resolves at most once, and corrects at most once, on every path", () => {
    const live: ReadonlySet<HoldState> = new Set(["reserved", "dispatched"]);
    const walk = (state: HoldState, depth: number, resolutions: number, corrections: number): void => {
      expect(resolutions).toBeLessThanOrEqual(1);
      expect(corrections).toBeLessThanOrEqual(1);
      if (depth === 0) return;
      for (const verb of VERBS) {
        const step = holdTransition(state, verb);
        if (!step.allowed) continue;
        const resolved = live.has(state) && !live.has(step.next) ? 1 : 0;
        const corrected = !live.has(state) ? 1 : 0;
        walk(step.next, depth - 1, resolutions + resolved, corrections + corrected);
      }
    };
    walk("reserved", 6, 0, 0);
  });
});
