import { describe, expect, it } from "vitest";
import { guardKit } from "../../test/support/guard-kit.ts";
import { inputTokensOf } from "../usage/usage.ts";
import { planShape } from "./plan-request.ts";
import type { RequestShape } from "./request/request-shape.ts";

const shapeOf = (model: string, textTokens: number): RequestShape => ({
  model,
  stream: false,
  serviceTier: null,
  textTokens,
  otherInput: {},
  refersTo: null,
  output: { kind: "text", limit: 10, choices: 1, extraTokens: 0, limitable: true, limitField: null },
  toolFees: {},
  unreportedFees: {},
  usageWhenSilent: null,
});

describe("the input that is held for", () => {
  const heldFor = (provider: string, model: string, tokens: number): number =>
    inputTokensOf(
      planShape(guardKit().guard, provider, "messages", shapeOf(model, tokens)).plan.estimate.usage,
    );

  it("is no more than the window that the provider enforces", () => {
    expect(heldFor("openai", "gpt-4o-mini", 900_000)).toBe(128_000);
  });

  it("is all of it where the price list has a price beyond the window, since some requests get a larger one", () => {
    // 200,000 tokens, and a second list of prices above them (the 1M beta of Claude Sonnet 4.5).
    expect(heldFor("anthropic", "claude-sonnet-4-5", 459_000)).toBe(459_000);
  });
});
