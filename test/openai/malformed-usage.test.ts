/** @module Usage that is missing, broken or contradicts itself: no throw, no silent zero, an event, and the hold. */
import { malformedUsages } from "@holdfast/testkit/provider-server";
import type { MalformedUsage } from "@holdfast/testkit/provider-server";
import { describe, expect, test } from "vitest";
import { chatBody, clientKinds, collect, MODEL, newest, rig } from "./harness.ts";
import type { OpenAI, Rig } from "./harness.ts";

const usage = { inputTokens: 12, cachedInputTokens: 4, outputTokens: 9, reasoningTokens: 2 };

type Call = (client: OpenAI) => PromiseLike<unknown>;

const endpoints: Readonly<Record<string, Call>> = {
  chat: (client) => client.chat.completions.create(chatBody()),
  "chat stream": async (client) =>
    collect(await client.chat.completions.create({ ...chatBody(), stream: true })),
  responses: (client) => client.responses.create({ model: MODEL, input: "Hi", max_output_tokens: 50 }),
  "responses stream": async (client) =>
    collect(
      await client.responses.create({ model: MODEL, input: "Hi", max_output_tokens: 50, stream: true }),
    ),
  completions: (client) => client.completions.create({ model: MODEL, prompt: "Hi", max_tokens: 50 }),
  "completions stream": async (client) =>
    collect(await client.completions.create({ model: MODEL, prompt: "Hi", max_tokens: 50, stream: true })),
};

/** Odd, yet it says the truth: the totals are there and the parts do not contradict them. */
const harmless: readonly MalformedUsage[] = ["withoutDetails", "nullDetails", "unknownFields"];
/** No usage at all. */
const absent: readonly MalformedUsage[] = ["missing", "null", "empty", "text", "array"];

async function charged(at: Rig): Promise<void> {
  const [record] = at.events.usage;
  expect(at.events.usage).toHaveLength(1);
  expect(record!.usageSource).toBe("estimated");
  expect(record!.costNanoUsd).toBeGreaterThan(0);
  expect(at.events.of("meter-anomaly").map(({ anomaly }) => anomaly)).toEqual([
    expect.stringMatching(/^usage-(missing|invalid)$/) as string,
  ]);
  expect(await at.balance()).toEqual({ spent: record!.costNanoUsd, held: 0 });
  // Never below the truth.
  expect(record!.costNanoUsd).toBeGreaterThanOrEqual(at.billedNanoUsd);
}

describe.each(clientKinds)("$name", (kind) => {
  // The majors read an answer in the same way; the endpoints differ.
  const here = Object.entries(endpoints).filter(([name]) => kind.sdk === newest || name.startsWith("chat"));

  describe.each(here)("%s", (name, call) => {
    test.each(malformedUsages.filter((one) => !harmless.includes(one) && one !== "zeros"))(
      "%s",
      async (malformedUsage) => {
        await using at = await rig({ kind, server: { usage } });
        at.server.script([{ malformedUsage }]);
        await call(at.client);
        await at.quiet();
        await charged(at);
        const [record] = at.events.usage;
        const stream = name.endsWith("stream");
        if (!absent.includes(malformedUsage)) {
          expect(record).toMatchObject({ outcome: "complete", costNanoUsd: record!.heldNanoUsd });
          expect(at.events.of("meter-anomaly")[0]!.anomaly).toBe("usage-invalid");
        } else if (!stream) expect(record!.costNanoUsd).toBe(record!.heldNanoUsd);
      },
    );

    test.each(harmless)("%s is read as it is", async (malformedUsage) => {
      await using at = await rig({ kind, server: { usage } });
      at.server.script([{ malformedUsage }]);
      await call(at.client);
      await at.quiet();
      const [record] = at.events.usage;
      expect(record).toMatchObject({ usageSource: "provider", inputTokens: 12, outputTokens: 9 });
      expect(record!.costNanoUsd).toBeGreaterThanOrEqual(at.billedNanoUsd);
      expect(at.events.of("meter-anomaly")).toEqual([]);
    });

    test("zeros for an answer that has text are believed, and reported", async () => {
      await using at = await rig({ kind, server: { usage } });
      at.server.script([{ malformedUsage: "zeros" }]);
      await call(at.client);
      await at.quiet();
      expect(at.events.usage).toMatchObject([{ costNanoUsd: 0, usageSource: "provider" }]);
      expect(at.events.of("meter-anomaly")).toMatchObject([{ anomaly: "usage-zero" }]);
    });
  });
});
