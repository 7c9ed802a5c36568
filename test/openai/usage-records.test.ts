/** @module One record per attempt, right in every field and to the nano-USD, for every endpoint. */
import { describe, expect, test } from "vitest";
import { allClientKinds, chatBody, clientKinds, collect, rig } from "./harness.ts";
import { cases, config, file, think } from "./usage-cases.ts";

describe.each(clientKinds)("$name", (kind) => {
  test.each(Object.entries(cases))("%s", async (_name, { call, bills, step, record: expected, usage }) => {
    await using at = await rig({
      kind,
      attribution: { tenant: "acme", requestId: "r-1" },
      config,
      server: bills === undefined ? {} : { usage: bills },
    });
    if (step !== undefined) at.server.script([step]);
    await call(at.client);
    await at.quiet();

    expect(at.events.usage).toHaveLength(1);
    const [record] = at.events.usage;
    expect(record!.usage).toEqual(usage);
    const [entry] = at.server.ledger;
    const [hold] = at.events.of("hold-reserved");
    expect(record).toMatchObject({
      id: `${record!.callId}:1`,
      requestId: "r-1",
      attempt: 1,
      holdId: hold!.holdId,
      callId: hold!.callId,
      attribution: { tenant: "acme", requestId: "r-1" },
      provider: "openai",
      stream: false,
      requestedModel: entry!.model || "",
      outcome: "complete",
      status: 200,
      providerRequestId: entry!.requestId,
      usageSource: "provider",
      heldNanoUsd: hold!.amounts.nanoUsd,
      priceVersion: expect.any(String) as string,
      ...expected,
    });
    expect(record!.latencyMs).toBeGreaterThanOrEqual(0);
    expect(await at.balance()).toEqual({ spent: expected.costNanoUsd, held: 0 });
    const [settled] = at.events.of("hold-settled");
    expect(settled!.charged).toMatchObject({ nanoUsd: expected.costNanoUsd, calls: 1, concurrentCalls: 0 });
    expect(settled!.charged.totalTokens).toBe(record!.inputTokens + record!.outputTokens);
  });

  test.each(["text", "srt", "vtt"] as const)(
    "a transcript in a format without usage, %s, is no anomaly",
    async (format) => {
      await using at = await rig({ kind, config });
      await at.client.audio.transcriptions.create({
        model: "listen-time",
        file: file(),
        response_format: format,
      });
      await at.quiet();
      expect(at.events.usage).toMatchObject([{ outcome: "complete", usageSource: "estimated" }]);
      expect(at.events.usage[0]!.costNanoUsd).toBeGreaterThan(0);
      expect(at.events.of("meter-anomaly")).toEqual([]);
    },
  );

  test("the served model's price counts", async () => {
    await using at = await rig({ kind, config, server: { usage: { inputTokens: 10, outputTokens: 1 } } });
    at.server.script([{ model: "think-2026-01-01" }]);
    await at.client.chat.completions.create(think);
    await at.quiet();
    expect(at.events.usage).toMatchObject([
      { requestedModel: "think", servedModel: "think-2026-01-01", costNanoUsd: 10 * 2_000 + 16_000 },
    ]);
    expect(at.events.of("meter-anomaly")).toEqual([]);
  });

  test("a served model without a price is an anomaly, charged as the requested one", async () => {
    await using at = await rig({ kind, config, server: { usage: { inputTokens: 10, outputTokens: 1 } } });
    at.server.script([{}, { model: "surprise-9" }, { model: "surprise-9" }]);
    const body = { ...think, model: "gpt-4.1" };
    await at.client.chat.completions.create(body);
    await at.client.chat.completions.create(body);
    await collect(await at.client.chat.completions.create({ ...body, stream: true }));
    await at.quiet();
    const costs = at.events.usage.map(({ costNanoUsd }) => costNanoUsd);
    expect(costs[0]).toBeGreaterThan(0);
    expect(costs).toEqual([costs[0], costs[0], costs[0]]);
    expect(
      at.events.of("meter-anomaly").map(({ anomaly, detail }) => [anomaly, detail.includes("surprise-9")]),
    ).toEqual([
      ["served-model-unpriced", true],
      ["served-model-unpriced", true],
    ]);
  });

  test("a tier without a price is an anomaly, charged at the held tier", async () => {
    await using at = await rig({
      kind,
      config,
      server: { usage: { inputTokens: 10, outputTokens: 1 } },
    });
    at.server.script([{ serviceTier: "warp" }, { serviceTier: "constructor" }]);
    await at.client.chat.completions.create(think);
    await at.client.chat.completions.create(think);
    await at.quiet();
    expect(at.events.usage.map(({ costNanoUsd }) => costNanoUsd)).toEqual([18_000, 18_000]);
    expect(at.events.of("meter-anomaly").map(({ anomaly }) => anomaly)).toEqual([
      "service-tier-unpriced",
      "service-tier-unpriced",
    ]);
  });

  test("usage above the hold is charged as it is, with an event", async () => {
    await using at = await rig({ kind, server: { usage: { inputTokens: 5_000, outputTokens: 9_000 } } });
    await at.client.chat.completions.create(chatBody());
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: 5_000 * 1_000 + 9_000 * 4_000, held: 0 });
    expect(at.events.of("meter-anomaly")).toMatchObject([{ anomaly: "cost-above-hold" }]);
    expect(at.events.of("hold-settled")[0]!.overrun).toContain("nanoUsd");
  });
});

describe.each(allClientKinds)("$name", (kind) => {
  test("ids are unique over calls, attempts and events", async () => {
    await using at = await rig({ kind, client: { maxRetries: 1 }, attribution: { requestId: "same" } });
    at.server.respond(({ id }) =>
      id % 3 === 0 ? { status: 500, headers: { "retry-after-ms": "1" } } : undefined,
    );
    await Promise.allSettled(Array.from({ length: 30 }, () => at.client.chat.completions.create(chatBody())));
    await at.quiet();
    expect(at.events.usage).toHaveLength(at.server.requests);
    expect(at.events.usage.length).toBeGreaterThan(30);
    const ids = at.events.all.map(({ event }) => (event as { id: string }).id);
    // A record and its anomalies, a hold and its moves: every one has an id of its own, but for the reservation.
    const byName = at.events.all.map(({ name, event }) => `${name} ${(event as { id: string }).id}`);
    expect(new Set(byName).size).toBe(ids.length);
    expect(new Set(at.events.usage.map(({ callId }) => callId)).size).toBe(30);
    expect(new Set(at.events.usage.map(({ holdId }) => holdId)).size).toBe(at.server.requests);
    expect(new Set(at.events.usage.map(({ requestId }) => requestId))).toEqual(new Set(["same"]));
  });
});
