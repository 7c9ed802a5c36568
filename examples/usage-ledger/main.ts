/**
 * @module An application's own ledger: every usage record goes into a local NDJSON file, and the file answers who spent
 * what. A record that is delivered twice has the same `id`, so a reader counts it once.
 */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import { createHoldfast } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import OpenAI from "openai";
import { UsageFile } from "./usage-file.ts";
import { printSummary, summarise } from "./summary.ts";

const CALLS = [
  { tenant: "acme", user: "ann", model: "gpt-5-mini" },
  { tenant: "acme", user: "bob", model: "gpt-5-mini" },
  { tenant: "acme", user: "ann", model: "gpt-4.1-mini" },
  { tenant: "globex", user: "cyd", model: "gpt-4.1-mini" },
  { tenant: "globex", user: "cyd", model: "gpt-5-mini" },
  { tenant: "initech", user: "dee", model: "gpt-5-mini" },
];

await using server = await startProviderServer({
  usage: ({ id }) => ({ inputTokens: 12, outputTokens: 100 + 50 * id }),
});
// One attempt fails, and the SDK tries again: two records, one call.
server.script([{ status: 500, headers: { "retry-after-ms": "1" } }]);

const path = join(await mkdtemp(join(tmpdir(), "holdfast-usage-")), "usage.ndjson");
const file = new UsageFile(path);
const holdfast = createHoldfast({
  budgets: [{ id: "tenant-day", per: ["tenant"], limit: { usd: "5" }, window: "day" }],
});
holdfast.on("usage", (record) => file.append(record));

const openai = wrapOpenAI(new OpenAI({ apiKey: "sk-not-a-key", baseURL: server.url }), holdfast);
await Promise.all(
  CALLS.map(({ model, ...tags }) =>
    holdfast.with(tags, () =>
      openai.chat.completions.create({
        model,
        messages: [{ role: "user", content: "Summarise my open tickets." }],
        max_completion_tokens: 500,
      }),
    ),
  ),
);
const balances = await holdfast.balances("tenant-day");
await holdfast.close(); // Delivers what is still queued; then the file can be closed.
await file.close();

const summary = await summarise(path);
printSummary(path, summary);

const agrees = balances.every(
  ({ scope, spent }) => summary.get(scope["tenant"]!)?.costNanoUsd === spent.nanoUsd,
);
console.log(`The file ${agrees ? "agrees" : "DOES NOT AGREE"} with the balances.`);
process.exitCode = agrees && summary.size === balances.length ? 0 : 1;
