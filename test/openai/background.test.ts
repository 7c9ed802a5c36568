/** @module Background responses: held when they are created, settled when their result is seen, whoever sees it. */
import { createFakeClock } from "@holdfast/testkit";
import { BudgetExceededError } from "holdfast";
import { describe, expect, test } from "vitest";
import {
  clientKinds,
  collect,
  coreKinds,
  failure,
  MODEL,
  newest,
  rig,
  truthNanoUsd,
  user,
} from "./harness.ts";
import type { OpenAI, Rig } from "./harness.ts";
import { openJobs, twoProcesses } from "./two-processes.ts";

const HOUR_MS = 3_600_000;
const BODY = { model: MODEL, input: "Hi", max_output_tokens: 50, background: true } as const;
const USAGE = { inputTokens: 3, outputTokens: 9 };

/** A creation that the provider works on for so many looks at it. */
async function created(at: Rig, looks = 0): Promise<Awaited<ReturnType<OpenAI["responses"]["retrieve"]>>> {
  at.server.script([{ backgroundPolls: looks, usage: USAGE }]);
  return at.client.responses.create(BODY);
}

const truth = truthNanoUsd({ inputTokens: 3, outputTokens: 9, cachedInputTokens: 0 } as never);

describe.each(coreKinds)("$name", (kind) => {
  test("is held until its result is retrieved, and then charged exactly, in another process", async () => {
    await using at = await twoProcesses({ kind, attribution: { tenant: "acme" } });
    const { creator, other } = at;
    const queued = await created(creator, 1);
    expect(queued.status).toBe("queued");
    const { held } = await other.balance();
    expect(held).toBeGreaterThan(truth);
    expect(await openJobs(other)).toMatchObject([
      {
        provider: kind.azure ? "azure" : "openai",
        jobId: queued.id,
        endpoint: "responses",
        model: MODEL,
        requests: 1,
        heldNanoUsd: held,
        attribution: { tenant: "acme" },
        state: "held",
      },
    ]);
    expect(creator.events.usage).toEqual([]);

    expect((await other.client.responses.retrieve(queued.id)).status).toBe("in_progress");
    await other.quiet();
    expect(await other.balance()).toEqual({ spent: 0, held });

    const done = await other.client.responses.retrieve(queued.id);
    expect(done.status).toBe("completed");
    await other.quiet();
    expect(await other.balance()).toEqual({ spent: truth, held: 0 });
    expect(await openJobs(creator)).toEqual([]);
    expect(other.events.usage).toMatchObject([
      {
        endpoint: "responses",
        requestedModel: MODEL,
        usageSource: "provider",
        costNanoUsd: truth,
        heldNanoUsd: held,
        inputTokens: 3,
        outputTokens: 9,
        attribution: { tenant: "acme" },
        outcome: "complete",
        attempt: 1,
      },
    ]);
    await creator.client.responses.retrieve(queued.id);
    await creator.quiet();
    expect(creator.events.usage).toEqual([]);
    expect(creator.events.of("job-started")).toHaveLength(1);
    expect(other.events.of("job-settled")).toMatchObject([{ jobId: queued.id, costNanoUsd: truth }]);
    expect(await other.balance()).toEqual({ spent: truth, held: 0 });
  });

  test("is settled by its own process without a shared store", async () => {
    await using at = await rig({ kind });
    const queued = await created(at);
    await at.client.responses
      .retrieve(queued.id)
      .asResponse()
      .then((response) => response.text());
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: truth, held: 0 });
    expect(at.events.usage).toHaveLength(1);
  });
});

describe.each(clientKinds)("$name", (kind) => {
  test("retrieved by both processes at once is charged once", async () => {
    await using at = await twoProcesses({ kind });
    const { creator, other } = at;
    const queued = await created(creator);
    await Promise.all(
      [creator, other, creator, other].map((one) => one.client.responses.retrieve(queued.id)),
    );
    await creator.quiet();
    await other.quiet();
    expect(await other.balance()).toEqual({ spent: truth, held: 0 });
    expect([...creator.events.usage, ...other.events.usage]).toHaveLength(1);
    expect([creator, other].flatMap((one) => one.events.of("meter-anomaly"))).toEqual([]);
  });

  test("whose stream is left goes on, and is settled when the stream is taken up again", async () => {
    await using at = await twoProcesses({ kind });
    const { creator, other } = at;
    creator.server.script([{ chunkDelayMs: 5, chunks: 20, usage: USAGE }]);
    const stream = await creator.client.responses.create({ ...BODY, stream: true });
    let id = "";
    for await (const event of stream) {
      if (event.type === "response.created") id = event.response.id;
      if (event.type === "response.output_text.delta") break;
    }
    await creator.quiet();
    const { held, spent } = await creator.balance();
    expect(spent).toBe(0);
    expect(held).toBeGreaterThan(truth);
    expect(await openJobs(other)).toMatchObject([{ jobId: id, heldNanoUsd: held }]);

    const again = await other.client.responses.retrieve(id, { stream: true });
    const events = await collect(again);
    expect(events.at(-1)!.type).toBe("response.completed");
    await other.quiet();
    expect(await other.balance()).toEqual({ spent: truth, held: 0 });
    expect(other.events.usage).toMatchObject([{ costNanoUsd: truth, stream: true }]);
  });

  test("whose stream is read to its end is settled by that", async () => {
    await using at = await rig({ kind });
    at.server.script([{ usage: USAGE }]);
    await collect(await at.client.responses.create({ ...BODY, stream: true }));
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: truth, held: 0 });
    expect(await openJobs(at)).toEqual([]);
  });
});

describe("a background response", () => {
  test("that has failed without being billed gives its hold back", async () => {
    await using at = await twoProcesses();
    const { creator, other } = at;
    creator.server.script([{ responseStatus: "failed", reportedUsage: () => null }]);
    const queued = await creator.client.responses.create(BODY);
    const failed = await other.client.responses.retrieve(queued.id);
    expect(failed.status).toBe("failed");
    await other.quiet();
    expect(await other.balance()).toEqual({ spent: 0, held: 0 });
    expect(other.events.of("job-settled")).toMatchObject([{ costNanoUsd: 0 }]);
  });

  test("that has failed after it was billed is charged", async () => {
    await using at = await rig();
    at.server.script([{ responseStatus: "failed", usage: USAGE }]);
    const queued = await at.client.responses.create(BODY);
    await at.client.responses.retrieve(queued.id);
    await at.quiet();
    expect((await at.balance()).spent).toBe(at.billedNanoUsd);
  });

  test("that was cancelled is charged what it may have used, and never less than the truth", async () => {
    await using at = await twoProcesses();
    const { creator, other } = at;
    const queued = await created(creator, Infinity);
    const { held } = await creator.balance();
    const cancelled = await other.client.responses.cancel(queued.id);
    expect(cancelled.status).toBe("cancelled");
    await other.quiet();
    expect(await other.balance()).toEqual({ spent: held, held: 0 });
    expect(held).toBeGreaterThanOrEqual(other.billedNanoUsd);
    expect(other.events.usage).toMatchObject([{ usageSource: "estimated", outcome: "ambiguous" }]);
  });

  test("that nobody retrieves is charged when its time is over, and corrected when somebody does", async () => {
    const clock = createFakeClock(Date.now());
    await using at = await twoProcesses({ config: { clock } });
    const { creator, other } = at;
    const queued = await created(creator);
    const { held } = await other.balance();
    clock.advance(23 * HOUR_MS);
    expect(await other.balance()).toEqual({ spent: 0, held });
    clock.advance(2 * HOUR_MS);
    expect(await other.balance()).toEqual({ spent: held, held: 0 });
    expect(await openJobs(other)).toMatchObject([{ jobId: queued.id, state: "overdue" }]);
    await other.client.responses.retrieve(queued.id);
    await other.quiet();
    expect(await other.balance()).toEqual({ spent: truth, held: 0 });
    expect(other.events.of("hold-settled")).toMatchObject([{ corrected: true }]);
    expect(await openJobs(other)).toEqual([]);
  });

  test("counts against the budget from its creation on", async () => {
    await using at = await twoProcesses({ budgets: [{ id: "all", limit: { calls: 1 }, window: "total" }] });
    const queued = await created(at.creator);
    const denied = await failure(at.other.client.responses.create({ ...BODY, background: false }));
    expect(denied).toBeInstanceOf(BudgetExceededError);
    await at.other.client.responses.retrieve(queued.id);
    await at.other.quiet();
    expect(await failure(at.other.client.responses.create(BODY))).toBeInstanceOf(BudgetExceededError);
  });

  test("takes no slot of the calls that are under way", async () => {
    await using at = await rig({
      budgets: [{ id: "all", limit: { usd: "10", concurrentCalls: 1 }, window: "total" }],
    });
    await created(at, Infinity);
    await at.client.chat.completions.create({ model: MODEL, messages: [user()], max_tokens: 5 });
  });

  test("that the provider refuses holds nothing", async () => {
    await using at = await rig();
    at.server.script([{ status: 400 }]);
    await failure(at.client.responses.create(BODY));
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: 0, held: 0 });
    expect(at.events.of("job-started")).toEqual([]);
  });

  test("whose creation was answered by nobody is charged: it may be running", async () => {
    await using at = await rig();
    at.server.script([{ lostReply: true, usage: USAGE }]);
    await failure(at.client.responses.create(BODY));
    await at.quiet();
    expect((await at.balance()).spent).toBeGreaterThanOrEqual(at.billedNanoUsd);
    expect(at.events.usage).toMatchObject([{ usageSource: "estimated" }]);
  });

  test("is not kept from being closed on", async () => {
    await using at = await twoProcesses();
    const queued = await created(at.creator);
    expect(await at.creator.holdfast.close()).toEqual({ inFlight: 0, unsent: 0 });
    await at.other.client.responses.retrieve(queued.id);
    await at.other.quiet();
    expect(await at.other.balance()).toEqual({ spent: truth, held: 0 });
  });

  test("of the foreground, or of somebody else, is left alone when it is retrieved", async () => {
    await using at = await rig({ kind: clientKinds.find(({ sdk }) => sdk === newest)! });
    const foreground = await at.client.responses.create({ ...BODY, background: false });
    const foreign = await at.bare.responses.create(BODY);
    await at.quiet();
    const before = await at.balance();
    for (const { id } of [foreground, foreign]) {
      expect((await at.client.responses.retrieve(id)).id).toBe(id);
      await collect(await at.client.responses.retrieve(id, { stream: true }));
    }
    await at.quiet();
    expect(await at.balance()).toEqual(before);
    expect(at.events.usage).toHaveLength(1);
    expect(at.events.of("job-store-failed")).toEqual([]);
  });

  test("needs no permission, and the old one is still accepted", async () => {
    await using at = await rig({ config: { allow: ["background"] } });
    await created(at);
    expect(at.events.of("call-unmetered")).toEqual([]);
    expect(await openJobs(at)).toHaveLength(1);
  });
});
