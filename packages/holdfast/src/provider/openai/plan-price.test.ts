import { describe, expect, it } from "vitest";
import { guardKit, type GuardKitOptions } from "../../../test/support/guard-kit.ts";
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import { PriceUnknownError } from "../../error/price-unknown-error.ts";
import type { MeteredEndpoint } from "./endpoint.ts";
import { planRequest, type PlannedRequest } from "../plan-request.ts";
import { openaiAdapter } from "./adapter.ts";
import type { Body } from "../request/request-shape.ts";

const messages = [{ role: "user", content: "hello" }];

function plan(
  body: Body,
  options: GuardKitOptions = {},
  endpoint: MeteredEndpoint = "chat.completions",
  deployment?: string,
): PlannedRequest {
  return planRequest(guardKit(options).guard, openaiAdapter, "openai", endpoint, body, deployment);
}

const chat = (given: Body = {}, options: GuardKitOptions = {}): PlannedRequest =>
  plan({ model: "gpt-5-mini", messages, ...given }, options);
const responses = (given: Body = {}, options: GuardKitOptions = {}): PlannedRequest =>
  plan({ model: "gpt-5-mini", input: "hello", ...given }, options, "responses");

describe("the price that is held at", () => {
  it.each<[string, Body, readonly string[], string]>([
    ["the default tier", {}, ["default"], "default"],
    ["auto: the configured tiers", { service_tier: "auto" }, ["default"], "default"],
    ["the dearest of the configured tiers", {}, ["default", "priority"], "priority"],
    ["the dearest of the configured tiers, in any order", {}, ["priority", "flex", "default"], "priority"],
    ["the requested tier", { service_tier: "priority" }, ["default"], "priority"],
    ["a cheap tier may be served at the default one", { service_tier: "flex" }, ["default"], "default"],
    ["a dear tier may not be forgotten", { service_tier: "fast" }, ["default"], "fast"],
  ])("%s", (_, body, serviceTiers, held) => {
    const { plan: planned } = chat({ max_completion_tokens: 100, ...body }, { settings: { serviceTiers } });
    expect(planned.heldServiceTier).toBe(held);
    expect(planned.serviceTier).toBe(body["service_tier"] === "auto" ? null : (body["service_tier"] ?? null));
  });

  it("is refused for a tier without a price", () => {
    const refused = (): unknown => chat({ service_tier: "ultrafast" });
    expect(refused).toThrow(PriceUnknownError);
    expect(refused).toThrow('service tier "ultrafast"');
  });

  it("is refused for a model without a price", () => {
    expect(() => chat({ model: "who-knows" })).toThrow(PriceUnknownError);
    expect(() => chat({ model: undefined })).toThrow(PriceUnknownError);
  });

  it("is a ceiling, or nothing and an event, for a model without a price, by configuration", () => {
    const ceiling = {
      policy: "ceiling",
      price: { inputUsdPerMillion: "10", outputUsdPerMillion: "10" },
    } as const;
    const held = chat({ model: "who-knows", max_tokens: 1_000 }, { unknownModel: ceiling }).plan;
    expect(held.price.source).toBe("ceiling");
    expect(held.worstCaseNanoUsd).toBeGreaterThanOrEqual(10_000_000);
    const kit = guardKit({ unknownModel: { policy: "unmetered" } });
    const free = planRequest(
      kit.guard,
      openaiAdapter,
      "openai",
      "chat.completions",
      { model: "who-knows", messages, service_tier: "odd" },
      undefined,
    );
    expect([free.plan.worstCaseNanoUsd, free.plan.price.source]).toEqual([0, "unmetered"]);
    expect(kit.events()["call-unmetered"]).toMatchObject([
      { what: "unknown-model", subject: "who-knows", provider: "openai" },
    ]);
  });

  it.each([undefined, "gpt-4o-mini"])("is the deployment's, whatever model the body names: %s", (model) => {
    const { plan: planned } = plan({ model, messages, max_tokens: 5 }, {}, "chat.completions", "gpt-4o");
    expect(planned.model).toBe("gpt-4o");
  });

  it("is nothing for moderations, which count as calls", () => {
    const { plan: planned } = plan({ input: "x" }, {}, "moderations");
    expect([planned.worstCaseNanoUsd, planned.price.source, planned.estimate.usageWhenSilent]).toEqual([
      0,
      "free",
      {},
    ]);
  });
});

describe("parts that would be billed where no hold follows", () => {
  it.each<[string, Body, string]>([
    ["image generation", { tools: [{ type: "image_generation" }] }, "agents"],
    [
      "the code interpreter",
      { tools: [{ type: "code_interpreter", container: { type: "auto" } }] },
      "containers",
    ],
    [
      "a shell in a container of the provider's",
      { tools: [{ type: "shell", environment: { type: "container_auto" } }] },
      "containers",
    ],
  ])("%s is refused, and let through when it is allowed", (_, body, bypass) => {
    const refused = (): unknown => responses({ ...body, max_output_tokens: 5 });
    expect(refused).toThrow(CallNotAllowedError);
    expect(refused).toThrow(`allow: ["${bypass}"]`);
    expect(() =>
      responses({ ...body, max_output_tokens: 5 }, { settings: { allow: new Set([bypass]) } }),
    ).not.toThrow();
    expect(() =>
      responses({ ...body, max_output_tokens: 5 }, { settings: { allow: new Set(["realtime"]) } }),
    ).toThrow(CallNotAllowedError);
  });

  it.each<[string, Body]>([
    ["a background response, which is settled when its result is seen", { background: true }],
    ["background: false", { background: false }],
    [
      "tools of the application",
      {
        tools: [
          { type: "function", name: "f" },
          { type: "custom" },
          { type: "local_shell" },
          { type: "apply_patch" },
        ],
      },
    ],
    [
      "a shell on the application's own machine",
      { tools: [{ type: "shell", environment: { type: "local" } }] },
    ],
  ])("%s is not", (_, body) => {
    expect(() => responses({ ...body, max_output_tokens: 5 })).not.toThrow();
  });

  it("searches are held for: ten, or as many as the request allows", () => {
    const searches = (given: Body): number | undefined =>
      responses({ tools: [{ type: "web_search" }, { type: "file_search" }], ...given }).plan.estimate.usage
        .webSearches;
    expect([searches({}), searches({ max_tool_calls: 3 })]).toEqual([10, 3]);
    const { plan: planned, unreportedFees } = chat({ web_search_options: {} });
    expect([planned.estimate.usage.webSearches, unreportedFees]).toEqual([1, { webSearches: 1 }]);
  });
});
