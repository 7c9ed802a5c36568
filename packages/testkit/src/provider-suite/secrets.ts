/** @module Keys, prompts and answers reach no event, no error of ours, no inspection and no console. */
import { inspect } from "node:util";
import { HoldfastError } from "holdfast";
import { describe, expect, test, vi } from "vitest";
import type { ProviderStep } from "../provider-server/index.ts";
import type { ProviderUnderTest } from "./provider-under-test.ts";
import { collect, question, startRig } from "./rig.ts";

const canary = { key: "sk-canary-0-key", prompt: "canary-1-prompt", answer: "canary-2-answer" };
const CANARY = /canary[-_]\d/;

/** Everything that can be made visible of a value. */
function faces(value: unknown): string[] {
  const { message, stack, cause } = (value ?? {}) as { message?: unknown; stack?: unknown; cause?: unknown };
  const deep = { depth: 20, showHidden: true, getters: true, maxStringLength: null, maxArrayLength: null };
  return [
    inspect(value, deep),
    JSON.stringify(value) ?? "",
    String(message),
    String(stack),
    inspect(cause, { depth: 20, showHidden: true }),
  ];
}

function expectClean(value: unknown, what: string): void {
  for (const face of faces(value)) {
    const at = face.search(CANARY);
    expect(at < 0 ? "" : face.slice(Math.max(0, at - 200), at + 60), what).toBe("");
  }
}

const STEPS: Readonly<Record<string, ProviderStep>> = {
  "an answer": { content: canary.answer },
  "an error that repeats the prompt": { status: 400, body: { error: { message: canary.prompt } } },
  "an answer cut off": { content: canary.answer, endAfterChunk: 1 },
  "a dropped connection": { content: canary.answer, dropAfterChunk: 1 },
  "broken usage": { content: canary.answer, malformedUsage: "negative" },
  "usage that repeats the answer": {
    content: canary.answer,
    reportedUsage: () => ({
      input_tokens: canary.answer,
      prompt_tokens: canary.answer,
      promptTokenCount: canary.answer,
    }),
  },
};

export function secretTests<C>(provider: ProviderUnderTest<C>): void {
  describe("secrets", () => {
    const ways = {
      whole: (client: C) => provider.ask(client, question(provider, { prompt: canary.prompt })),
      stream: async (client: C) =>
        collect(await provider.stream(client, question(provider, { prompt: canary.prompt }))),
    };
    const outcomes = Object.entries(STEPS).flatMap(([name, step]) =>
      Object.entries(ways).map(([way, doing]) => [name, way, step, doing] as const),
    );

    test.each(outcomes)("%s, %s", async (_name, _way, step, doing) => {
      const spies = (["log", "info", "warn", "error", "debug"] as const).map((name) =>
        vi.spyOn(console, name).mockImplementation(() => undefined),
      );
      try {
        await using at = await startRig(provider, { apiKey: canary.key });
        at.server.script([step]);
        await Promise.resolve(doing(at.client)).catch(() => undefined);
        await at.quiet();
        expect(at.events.usage).toHaveLength(1);
        for (const { name, event } of at.events.all) expectClean(event, name);
        expectClean(at.holdfast, "the Holdfast");
        expectClean(await at.holdfast.balances(), "balances");
        expectClean(
          spies.map(({ mock }) => mock.calls),
          "the console",
        );
      } finally {
        for (const spy of spies) spy.mockRestore();
      }
    });

    test.each([
      ["a denial", { limit: "0", model: undefined }],
      ["an unknown model", { limit: "10", model: "no-such-model-99" }],
    ])("%s", async (_name, { limit, model }) => {
      await using at = await startRig(provider, {
        apiKey: canary.key,
        budgets: [{ id: "all", limit: { usd: limit }, window: "total" }],
      });
      const asked = question(provider, { prompt: canary.prompt, ...(model === undefined ? {} : { model }) });
      const error = await Promise.resolve(provider.ask(at.client, asked)).then(
        () => undefined,
        (thrown: unknown) => (provider.denialOf ?? ((one: unknown) => one))(thrown),
      );
      expect(HoldfastError.isHoldfastError(error)).toBe(true);
      expectClean(error, "the error");
      for (const { name, event } of at.events.all) expectClean(event, name);
    });
  });
}
