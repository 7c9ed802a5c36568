import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { guardKit, type GuardKitOptions } from "../../../test/support/guard-kit.ts";
import { affordableOutputTokens } from "../../guard/affordable-output.ts";
import { heldAmounts, type CallPlan } from "../../guard/call-plan.ts";
import { settlementOf } from "../../guard/settlement.ts";
import type { Limits } from "../../ledger/amounts.ts";
import { inputTokensOf, outputTokensOf, type Usage } from "../../usage/usage.ts";
import type { MeteredEndpoint } from "./endpoint.ts";
import { planRequest } from "../plan-request.ts";
import { openaiAdapter } from "./adapter.ts";
import type { Body } from "../request/request-shape.ts";

const MODELS = [
  "gpt-5-mini",
  "gpt-4o",
  "gpt-4o-mini",
  "gpt-5",
  "gpt-5.4",
  "gpt-4.1",
  "o3",
  "gpt-5.6-sol",
  "gpt-6-sol",
];

function plan(body: Body, endpoint: MeteredEndpoint, options: GuardKitOptions = {}): CallPlan {
  return planRequest(guardKit(options).guard, openaiAdapter, "openai", endpoint, body, undefined).plan;
}

const known = MODELS.filter((model) => {
  try {
    plan({ model, messages: [], max_tokens: 1 }, "chat.completions");
    return true;
  } catch {
    return false;
  }
});

describe("what can be billed within the stated worst case", () => {
  it("is tried on several models", () => {
    expect(known.length).toBeGreaterThanOrEqual(6);
  });

  it("never costs more than what is held", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.record({
          model: fc.constantFrom(...known),
          tier: fc.constantFrom(undefined, "auto", "default", "flex", "priority"),
          words: fc.integer({ min: 0, max: 100_000 }),
          limit: fc.integer({ min: 1, max: 20_000 }),
          n: fc.integer({ min: 1, max: 4 }),
          serviceTiers: fc.constantFrom(["default"], ["default", "priority"], ["flex", "default"]),
        }),
        fc.tuple(share, share, share, share, share),
        fc.nat(),
        ({ model, tier, words, limit, n, serviceTiers }, shares, pick) => {
          const body = {
            model,
            messages: [{ role: "user", content: "word ".repeat(words) }],
            max_completion_tokens: limit,
            n,
            service_tier: tier,
          };
          const planned = plan(body, "chat.completions", { settings: { serviceTiers } });
          const input = Math.floor(inputTokensOf(planned.estimate.usage) * shares[0]);
          const output = Math.floor(limit * n * shares[1]);
          const read = Math.floor(input * shares[2]);
          const written = Math.floor((input - read) * shares[3]);
          const reasoning = Math.floor(output * shares[4]);
          const usage: Usage = {
            inputTextTokens: input - read - written,
            cacheReadTextTokens: read,
            cacheWriteTokens: written,
            outputTextTokens: output - reasoning,
            reasoningTokens: reasoning,
          };
          const possible = planned.serviceTier === null ? serviceTiers : ["default", planned.serviceTier];
          const served = { model: null, serviceTier: possible[pick % possible.length]! };
          const outcome = { class: "complete", status: 200, providerRequestId: null, served, usage } as const;
          const settlement = settlementOf(
            outcome,
            planned,
            guardKit().guard.settings.settlement,
            () => undefined,
            true,
          );
          expect(settlement.costNanoUsd).toBeLessThanOrEqual(planned.worstCaseNanoUsd);
          // Usage may also be nothing at all, which is reported.
          expect(settlement.anomalies.filter(({ anomaly }) => anomaly !== "usage-zero")).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("the largest output that still fits", () => {
  type Row = [what: string, endpoint: MeteredEndpoint, field: string, body: Body];
  const rows: Row[] = [
    [
      "chat",
      "chat.completions",
      "max_completion_tokens",
      { messages: [{ role: "user", content: "word ".repeat(500) }] },
    ],
    [
      "several choices",
      "chat.completions",
      "max_completion_tokens",
      { n: 3, messages: [{ role: "user", content: "hello" }] },
    ],
    [
      "a prediction",
      "chat.completions",
      "max_completion_tokens",
      {
        messages: [{ role: "user", content: "hello" }],
        prediction: { type: "content", content: "word ".repeat(500) },
      },
    ],
    ["a response", "responses", "max_output_tokens", { input: "hello" }],
    [
      "content that is not in the request",
      "responses",
      "max_output_tokens",
      { input: "hello", previous_response_id: "r1" },
    ],
    ["legacy completions", "completions", "max_tokens", { prompt: ["hello", "there"], best_of: 2 }],
  ];

  it.each(rows)(
    "is a limit with which the same request is admitted, and one more is not: %s",
    (_, endpoint, field, given) => {
      const model = endpoint === "completions" ? "gpt-3.5-turbo-instruct" : "gpt-5-mini";
      const asked = (limit: number): CallPlan => plan({ model, ...given, [field]: limit }, endpoint);
      const most = 2_000;
      const fits = (limit: number, available: Limits): boolean => {
        const held = heldAmounts(asked(limit), true);
        return (
          held.nanoUsd <= (available.nanoUsd ?? Infinity) &&
          held.totalTokens <= (available.totalTokens ?? Infinity)
        );
      };
      const full = heldAmounts(asked(most), true);
      const least = heldAmounts(asked(1), true);
      for (const share of [0, 0.25, 0.5, 0.999]) {
        for (const dimension of ["nanoUsd", "totalTokens"] as const) {
          const available = {
            [dimension]: Math.floor(least[dimension] + (full[dimension] - least[dimension]) * share),
          };
          if (fits(most, available)) continue;
          const n = affordableOutputTokens(asked(most), available) ?? NaN;
          expect(n).toBeGreaterThanOrEqual(0);
          if (n > 0) expect([dimension, share, fits(n, available)]).toEqual([dimension, share, true]);
          expect([dimension, share, fits(n + 1, available)]).toEqual([dimension, share, false]);
        }
      }
      expect(outputTokensOf(asked(most).estimate.usage)).toBeGreaterThanOrEqual(most);
    },
  );
});
