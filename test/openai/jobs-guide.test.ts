/** @module What docs/jobs.md shows, on every major. */
import { formatUsd } from "holdfast";
import { expect, test, vi } from "vitest";
import { clientKinds, MODEL, rig, user } from "./harness.ts";

test.each(clientKinds)("the guide's batch, created, listed and retrieved: $name", async (kind) => {
  await using at = await rig({ kind });
  const { client: openai, holdfast } = at;
  const body = { model: MODEL, messages: [user()], max_tokens: 50 };
  const lines = JSON.stringify({ custom_id: "1", method: "POST", url: "/v1/chat/completions", body });

  const file = await openai.files.create({ file: new File([lines], "requests.jsonl"), purpose: "batch" });
  const batch = await openai.batches.create({
    input_file_id: file.id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  });
  // Hours later, in any process with a wrapped client on the same store:
  const done = await openai.batches.retrieve(batch.id);
  expect(done.status).toBe("completed");
  await at.quiet();
  expect((await at.balance()).held).toBe(0);

  const other = await openai.batches.create({
    input_file_id: file.id,
    endpoint: "/v1/responses",
    completion_window: "24h",
  });
  using log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  for await (const job of holdfast.jobs()) {
    console.log(job.provider, job.jobId, job.requests, formatUsd(job.heldNanoUsd), job.state);
  }
  expect(log.mock.calls).toEqual([["openai", other.id, 1, expect.any(String), "held"]]);
});
