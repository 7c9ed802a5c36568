/** One of several processes on one budget: it creates a batch and a background response, or retrieves them. */
import { createPriceSource } from "@holdfast/prices";
import { workerMain } from "@holdfast/testkit/processes";
import { createHoldfast } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import OpenAI from "openai";
import { openStore } from "../backends.ts";
import { LINES, MODEL, type JobIds, type JobsArgs, type JobsResult } from "./jobs-args.ts";

/** Nano-USD per token: 1,000 and 4,000; batches at half of it. */
const source = createPriceSource({
  overrides: [
    {
      provider: "openai",
      model: MODEL,
      inputUsdPerMillion: "1",
      outputUsdPerMillion: "4",
      contextWindowTokens: 128_000,
      maxOutputTokens: 16_384,
      serviceTiers: { batch: { numerator: 1, denominator: 2 } },
    },
  ],
});

workerMain<JobsArgs, JobsResult>(async ({ args, barrier }) => {
  const { store, close } = await openStore(args.backend);
  const holdfast = createHoldfast({
    budgets: [{ id: "all", limit: { usd: "1" }, window: "total" }],
    prices: { source },
    store,
    storeDeadlineMs: 20_000,
  });
  const costs: number[] = [];
  let settled = 0;
  let failures = 0;
  holdfast.on("usage", ({ costNanoUsd }) => costs.push(costNanoUsd));
  holdfast.on("job-settled", () => (settled += 1));
  holdfast.on("job-store-failed", () => (failures += 1));
  holdfast.on("meter-anomaly", () => (failures += 1));
  const client = wrapOpenAI(new OpenAI({ apiKey: "sk-test", baseURL: args.baseURL }), holdfast);
  await barrier();
  const created = args.jobs === undefined ? await create(client) : undefined;
  if (args.jobs !== undefined) {
    const { batch, response } = args.jobs;
    await Promise.all([client.batches.retrieve(batch), client.responses.retrieve(response)]);
  }
  await holdfast.flush();
  await holdfast.close();
  await close();
  return { ...(created === undefined ? {} : { created }), costs, settled, failures };
});

async function create(client: OpenAI): Promise<JobIds> {
  const body = { model: MODEL, messages: [{ role: "user", content: "Hi" }], max_tokens: 50 };
  const lines = Array.from({ length: LINES }, (_, i) =>
    JSON.stringify({ custom_id: `line-${i}`, method: "POST", url: "/v1/chat/completions", body }),
  );
  const file = new File([lines.join("\n")], "requests.jsonl");
  const { id } = await client.files.create({ file, purpose: "batch" });
  const batch = await client.batches.create({
    input_file_id: id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  });
  const response = await client.responses.create({
    model: MODEL,
    input: "Hi",
    max_output_tokens: 50,
    background: true,
  });
  return { batch: batch.id, response: response.id };
}
