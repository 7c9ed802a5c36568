/** @module Usage that is missing or cannot be true: charged what was held, and said so; the answer is not touched. */
import { describe, expect, test } from "vitest";
import { malformedUsages } from "../provider-server/index.ts";
import type { ProviderUnderTest } from "./provider-under-test.ts";
import { collect, question, startRig } from "./rig.ts";

export function malformedUsageTests<C>(provider: ProviderUnderTest<C>): void {
  describe("usage that is", () => {
    test.each(malformedUsages)("%s is never taken for less than it may be", async (malformedUsage) => {
      await using at = await startRig(provider, { server: { usage: { inputTokens: 4, outputTokens: 6 } } });
      at.server.script([{ malformedUsage }, { malformedUsage }]);
      await Promise.resolve(provider.ask(at.client, question(provider))).catch(() => undefined);
      await provider
        .stream(at.client, question(provider))
        .then(async (stream) => collect(stream))
        .then(undefined, () => undefined);
      await at.quiet();
      expect(at.events.usage).toHaveLength(2);
      const { spent, held } = await at.balance();
      expect(held).toBe(0);
      expect(spent).toBe(at.events.usage.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0));
      for (const record of at.events.usage) {
        expect(Number.isSafeInteger(record.costNanoUsd) && record.costNanoUsd >= 0).toBe(true);
        expect(record.costNanoUsd).toBeLessThanOrEqual(Math.max(record.heldNanoUsd, at.billedNanoUsd));
        // Either the numbers could be believed, or something is said; an SDK that rejects the answer says it itself.
        if (record.usageSource === "estimated" && record.outcome === "complete") {
          expect(at.events.of("meter-anomaly").length).toBeGreaterThan(0);
        }
      }
    });
  });
}
