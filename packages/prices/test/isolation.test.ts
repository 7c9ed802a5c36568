import { expect, it } from "vitest";
import { updatePrices } from "@pydantic/genai-prices";
import { createPriceSource } from "../src/index.ts";

// In a file of its own, because the update cannot be taken back within the process.
it("is not changed by another library's process-wide update", () => {
  const before = createPriceSource();
  updatePrices(({ setProviderData }) => {
    setProviderData([{ id: "openai", name: "OpenAI", api_pattern: "x", models: [] }]);
  });
  expect(before.priceOf("openai", "gpt-5", 0)?.rates.inputTextTokens).toBe(1_250_000);
  expect(createPriceSource().priceOf("openai", "gpt-5", 0)).toBeUndefined();
});
