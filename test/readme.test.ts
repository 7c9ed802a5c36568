/** The README's code is run as it stands, against the provider test server. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import { startRedis } from "@holdfast/testkit/servers";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
const blocks = [
  ...readFileSync(resolve(root, "README.md"), "utf8").matchAll(/^```ts\n([\s\S]*?)^```$/gm),
].map((match) => match[1]!);

/** Runs a module of TypeScript as an application would: its own process, the published entry points. */
async function run(
  code: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ stdout: string; requests: number; models: (string | null)[] }> {
  await using server = await startProviderServer();
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--conditions=holdfast-source", "--input-type=module-typescript", "--eval", code],
    {
      cwd: import.meta.dirname,
      env: {
        ...process.env,
        OPENAI_API_KEY: "sk-test",
        OPENAI_BASE_URL: server.url,
        ANTHROPIC_API_KEY: "sk-test",
        ANTHROPIC_BASE_URL: server.origin,
        GEMINI_API_KEY: "test",
        GOOGLE_GEMINI_BASE_URL: server.origin,
        ...env,
      },
    },
  );
  return { stdout, requests: server.requests, models: server.ledger.map((entry) => entry.model) };
}

describe("README", () => {
  it("reaches an enforced budget in a first block of at most 8 lines", async () => {
    const lines = blocks[0]!.split("\n").filter((line) => line.trim() !== "");
    expect(lines.length).toBeLessThanOrEqual(8);

    const { stdout, requests, models } = await run(`${blocks[0]!}
      const [balance] = await holdfast.balances();
      holdfast.updateBudgets([{ id: "support-bot", limit: { usd: "0" }, window: "month" }]);
      const denied = await openai.chat.completions
        .create({ model: "gpt-5-mini", messages: [] })
        .then(() => "admitted", (error) => error.code);
      console.log(JSON.stringify({ reply: reply.object, spent: balance.spent.nanoUsd, denied }));`);
    // 1,000 tokens in at 0.25 USD and 500 out at 2 USD per million.
    expect(JSON.parse(stdout)).toEqual({ reply: "response", spent: 1_250_000, denied: "BUDGET_EXCEEDED" });
    expect({ requests, models }).toEqual({ requests: 1, models: ["gpt-5-mini"] });
  });

  it("runs from top to bottom as one program", async () => {
    await using redis = await startRedis();
    const { stdout, requests } = await run(blocks.join("\n"), { REDIS_URL: redis.url });
    // Three through the OpenAI client, and one each through Anthropic, Google and the AI SDK.
    expect(requests).toBe(6);
    expect(stdout).toContain('Budget "support-bot" has no room for this call');
  });
});
