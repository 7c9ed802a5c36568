/** @module Registers the whole suite with vitest for one wrapped client of one SDK version. */
import { describe } from "vitest";
import { admissionTests } from "./admission.ts";
import { attemptTests } from "./attempts.ts";
import { endingTests } from "./endings.ts";
import { malformedUsageTests } from "./malformed-usage.ts";
import type { ProviderUnderTest } from "./provider-under-test.ts";
import { secretTests } from "./secrets.ts";
import { transparencyTests } from "./transparency.ts";

/** What every wrapper must do, over HTTP, with the real SDK, against a provider that keeps its own books. */
export function providerSuite<C>(provider: ProviderUnderTest<C>): void {
  describe(provider.name, () => {
    admissionTests(provider);
    attemptTests(provider);
    endingTests(provider);
    transparencyTests(provider);
    malformedUsageTests(provider);
    secretTests(provider);
  });
}
