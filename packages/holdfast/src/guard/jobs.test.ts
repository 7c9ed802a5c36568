import { describe, expect, test } from "vitest";
import { beginNow, fakeClock, guardKit, planOf, PLAIN_PRICE } from "../../test/support/guard-kit.ts";
import {
  DAY_MS,
  BUDGET,
  JOB_PLAN,
  NOTHING,
  KEY,
  answered,
  TRUTH,
  world,
  balanceOf,
  openJobs,
  boundJobs,
  withoutJobs,
} from "../../test/support/jobs-kit.ts";
import type { JobKey } from "../ledger/job-store.ts";
import type { LedgerStore } from "../ledger/ledger-store.ts";
import { memoryStore } from "../store/memory/memory-store.ts";

describe("a job that was accepted", () => {
  test("keeps its hold for the stated time, in no slot of the calls under way, and is told of", async () => {
    const { creator, store, clock } = world();
    const attempt = beginNow(creator.guard.startCall(JOB_PLAN, { tenant: "acme" }));
    attempt.accept("job_1", DAY_MS);
    expect(attempt.ended).toBe(true);
    clock.advance(DAY_MS - 1);
    await creator.guard.expireDue();
    expect(await balanceOf(store)).toMatchObject({
      held: { nanoUsd: 200_000, calls: 3, concurrentCalls: 0 },
    });
    const events = creator.events();
    expect(events.usage).toEqual([]);
    expect(events["job-started"]).toMatchObject([
      {
        provider: "p",
        jobId: "job_1",
        endpoint: "batches",
        model: "m",
        requests: 3,
        attribution: { tenant: "acme" },
        heldNanoUsd: 200_000,
      },
    ]);
    const [job] = await openJobs(creator);
    expect(job).toMatchObject({ jobId: "job_1", heldNanoUsd: 200_000, state: "held", requests: 3 });
    expect(job!.expiresAtMs).toBe(creator.events()["job-started"][0]!.expiresAtMs);
  });

  test("is not waited for by close()", async () => {
    const { creator } = world();
    beginNow(creator.guard.startCall(JOB_PLAN)).accept("job_1", DAY_MS);
    expect(await creator.guard.close(10_000)).toEqual({ inFlight: 0, unsent: 0 });
  });

  test("cannot end in another way afterwards", async () => {
    const { creator, store } = world();
    const attempt = beginNow(creator.guard.startCall(JOB_PLAN));
    attempt.accept("job_1", DAY_MS);
    attempt.end(TRUTH);
    attempt.accept("job_2", DAY_MS);
    expect(await balanceOf(store)).toMatchObject({ spent: { nanoUsd: 0 }, held: { nanoUsd: 200_000 } });
    expect(await openJobs(creator)).toHaveLength(1);
  });

  test("without a name is charged as it was held: nobody will ever be able to ask for it", async () => {
    const { creator, store } = world();
    beginNow(creator.guard.startCall(JOB_PLAN)).accept("", DAY_MS);
    expect(await balanceOf(store)).toMatchObject({
      spent: { nanoUsd: 200_000, calls: 3 },
      held: { nanoUsd: 0 },
    });
    expect(creator.events().usage).toMatchObject([{ usageSource: "estimated", outcome: "ambiguous" }]);
  });

  test("counts with all its requests also when it is refused, lost or charged at once", async () => {
    const { creator, store } = world();
    beginNow(creator.guard.startCall(JOB_PLAN)).end({
      class: "refused",
      status: 400,
      providerRequestId: null,
    });
    expect(await balanceOf(store)).toEqual(NOTHING);
    beginNow(creator.guard.startCall(JOB_PLAN)).end({
      class: "ambiguous",
      status: null,
      providerRequestId: null,
    });
    expect(await balanceOf(store)).toMatchObject({
      spent: { nanoUsd: 200_000, calls: 3, concurrentCalls: 0 },
    });
  });

  test("a later attempt of the same request does not count again", async () => {
    const { creator, store } = world();
    const call = creator.guard.startCall(JOB_PLAN);
    beginNow(call).accept("job_1", DAY_MS);
    beginNow(call).accept("job_2", DAY_MS);
    creator.guard.jobs.settle(KEY, TRUTH);
    creator.guard.jobs.settle({ ...KEY, jobId: "job_2" }, TRUTH);
    expect(await balanceOf(store)).toMatchObject({
      spent: { nanoUsd: 40_000, calls: 3 },
      held: { nanoUsd: 0 },
    });
  });
});

describe("its result", () => {
  test("settles it the same whichever process retrieves it", async () => {
    const records = [];
    for (const who of ["creator", "other"] as const) {
      const at = world();
      const attribution = { tenant: "acme", requestId: "r", __proto__: null } as never;
      beginNow(at.creator.guard.startCall(JOB_PLAN, attribution)).accept("job_1", DAY_MS);
      at.clock.advance(5_000);
      at[who].guard.jobs.settle(KEY, TRUTH);
      expect(await balanceOf(at.store)).toMatchObject({
        spent: { nanoUsd: 20_000, calls: 3, concurrentCalls: 0 },
        held: { nanoUsd: 0, calls: 0 },
      });
      expect(await openJobs(at.other)).toEqual([]);
      expect(await at.store.jobs!.get(KEY)).toBeUndefined();
      const events = at[who].events();
      expect(events["job-settled"]).toMatchObject([
        { jobId: "job_1", costNanoUsd: 20_000, heldNanoUsd: 200_000 },
      ]);
      expect(events["hold-settled"]).toHaveLength(1);
      expect(at[who === "creator" ? "other" : "creator"].events()["job-settled"]).toEqual([]);
      records.push(...events.usage);
    }
    expect(records).toHaveLength(2);
    expect(records[1]).toEqual(records[0]);
    expect(records[0]).toMatchObject({
      requestId: "r",
      attempt: 1,
      endpoint: "batches",
      latencyMs: 5_000,
      costNanoUsd: 20_000,
      heldNanoUsd: 200_000,
      inputTokens: 10,
      outputTokens: 5,
      usageSource: "provider",
    });
  });

  test("is charged at the price of its creation", async () => {
    const { creator, other, store } = world();
    beginNow(creator.guard.startCall(JOB_PLAN)).accept("job_1", DAY_MS);
    // The other process has other prices by now.
    other.guard.prices.replaceSource({
      version: "2",
      priceOf: () => ({ ...PLAIN_PRICE, rates: { ...PLAIN_PRICE.rates, inputTextTokens: 9_000_000 } }),
    });
    other.guard.jobs.settle(KEY, TRUTH);
    expect(await balanceOf(store)).toMatchObject({ spent: { nanoUsd: 20_000 } });
  });

  test("under another name of the model is charged at that one's price on the day of its creation", async () => {
    const { creator, other, store, clock } = world();
    beginNow(creator.guard.startCall(JOB_PLAN)).accept("job_1", DAY_MS);
    const createdAtMs = clock.now();
    other.guard.prices.replaceSource({
      version: "2",
      priceOf: (_, model, atMs) => {
        const factor = atMs === createdAtMs ? 3 : 9;
        const inputTextTokens = factor * 1_000_000;
        return { ...PLAIN_PRICE, model, rates: { ...PLAIN_PRICE.rates, inputTextTokens } };
      },
    });
    clock.advance(DAY_MS - 1);
    const served = { model: "m-2026-11-20", serviceTier: null };
    other.guard.jobs.settle(KEY, answered({ inputTextTokens: 10 }, { served }));
    expect(await balanceOf(store)).toMatchObject({ spent: { nanoUsd: 30_000 } });
  });

  test("on several models is charged at the price of each, as planned", async () => {
    const { creator, other, store } = world();
    const dear = {
      ...PLAIN_PRICE,
      model: "dear",
      rates: { ...PLAIN_PRICE.rates, inputTextTokens: 5_000_000 },
    };
    const plan = planOf({ job: { requests: 2, otherPrices: [{ model: "dear", price: dear }] } });
    beginNow(creator.guard.startCall(plan)).accept("job_1", DAY_MS);
    const also = [{ model: "dear", serviceTier: null, usage: { inputTextTokens: 10 } }];
    other.guard.jobs.settle(KEY, answered({ inputTextTokens: 10 }, { also }));
    expect(await balanceOf(store)).toMatchObject({ spent: { nanoUsd: 60_000 } });
  });

  test("retrieved by both at once is charged once, and one of them tells of it", async () => {
    const { creator, other, store } = world();
    beginNow(creator.guard.startCall(JOB_PLAN)).accept("job_1", DAY_MS);
    for (const kit of [creator, other, creator, other]) kit.guard.jobs.settle(KEY, TRUTH);
    expect(await balanceOf(store)).toMatchObject({
      spent: { nanoUsd: 20_000, calls: 3 },
      held: { nanoUsd: 0 },
    });
    const told = [creator, other].flatMap((kit) => kit.events()["job-settled"]);
    const records = [creator, other].flatMap((kit) => kit.events().usage);
    expect([told.length, records.length]).toEqual([1, 1]);
    expect([creator, other].flatMap((kit) => kit.events()["meter-anomaly"])).toEqual([]);
  });

  test("read by both before either has settled it is charged once, and one of them tells of it", async () => {
    const clock = fakeClock();
    const memory = memoryStore({ clock });
    const { jobs } = memory;
    const slow = {
      ...withoutJobs(memory),
      jobs: { ...boundJobs(jobs!), get: async (key: JobKey) => jobs!.get(key) },
    };
    const { creator, other } = world(slow);
    beginNow(creator.guard.startCall(JOB_PLAN)).accept("job_1", DAY_MS);
    for (const kit of [creator, other, other]) kit.guard.jobs.settle(KEY, TRUTH);
    await creator.guard.link.settled();
    await other.guard.link.settled();
    expect(await balanceOf(memory)).toMatchObject({
      spent: { nanoUsd: 20_000, calls: 3 },
      held: { nanoUsd: 0 },
    });
    for (const name of ["job-settled", "usage", "hold-settled"] as const) {
      expect([...creator.events()[name], ...other.events()[name]], name).toHaveLength(1);
    }
  });

  test("that nobody retrieves is charged at expiry, and corrected when it comes late", async () => {
    const { creator, other, store, clock } = world();
    beginNow(creator.guard.startCall(JOB_PLAN)).accept("job_1", DAY_MS);
    clock.advance(DAY_MS);
    await other.guard.expireDue();
    expect(await balanceOf(store)).toMatchObject({
      spent: { nanoUsd: 200_000, calls: 3 },
      held: { nanoUsd: 0 },
    });
    expect(await openJobs(other)).toMatchObject([{ jobId: "job_1", state: "overdue" }]);
    clock.advance(3_600_000);
    other.guard.jobs.settle(KEY, TRUTH);
    expect(await balanceOf(store)).toMatchObject({ spent: { nanoUsd: 20_000, calls: 3 } });
    expect(other.events()["hold-settled"]).toMatchObject([{ corrected: true }]);
    expect(await openJobs(other)).toEqual([]);
  });

  test("that it has failed gives the hold back, also after it has expired", async () => {
    for (const laterMs of [1_000, DAY_MS + 1_000]) {
      const { creator, other, store, clock } = world();
      beginNow(creator.guard.startCall(JOB_PLAN)).accept("job_1", DAY_MS);
      clock.advance(laterMs);
      other.guard.jobs.fail(KEY);
      expect(await balanceOf(store)).toEqual(NOTHING);
      expect(other.events()["job-settled"]).toMatchObject([{ costNanoUsd: 0 }]);
      expect(other.events().usage).toMatchObject([{ outcome: "refused", costNanoUsd: 0 }]);
      expect(await openJobs(creator)).toEqual([]);
    }
  });

  test("of a job that is not ours is nobody's business", async () => {
    const { other, store } = world();
    for (const jobId of ["job_x", "", "x".repeat(1_000), "__proto__", "constructor"]) {
      other.guard.jobs.settle({ provider: "p", jobId }, TRUTH);
      other.guard.jobs.settle({ provider: "__proto__", jobId }, TRUTH);
      other.guard.jobs.fail({ provider: "p", jobId });
    }
    expect((await store.balances({})).balances).toEqual([]);
    const events = other.events();
    expect(Object.values(events).flat()).toEqual([]);
  });

  test("of the same name at another provider is another job", async () => {
    const { creator, store } = world();
    beginNow(creator.guard.startCall(JOB_PLAN)).accept("job_1", DAY_MS);
    creator.guard.jobs.settle({ provider: "q", jobId: "job_1" }, TRUTH);
    expect(await balanceOf(store)).toMatchObject({ spent: { nanoUsd: 0 }, held: { nanoUsd: 200_000 } });
  });

  test("that the store has lost the hold of is an anomaly, and the job is over", async () => {
    const { creator, other, store } = world();
    beginNow(creator.guard.startCall(JOB_PLAN)).accept("job_1", DAY_MS);
    const lost: LedgerStore = Object.assign(withoutJobs(store), {
      jobs: store.jobs,
      settle: () => ({ outcome: "unknown-hold" as const }),
    });
    const third = guardKit({ store: lost, clock: other.clock, idPrefix: "c", budgets: [BUDGET] });
    third.guard.jobs.settle(KEY, TRUTH);
    expect(third.events()["meter-anomaly"]).toMatchObject([{ anomaly: "settlement-failed" }]);
    expect(third.events().usage).toEqual([]);
    expect(await openJobs(third)).toEqual([]);
  });

  test("of a record that cannot be read leaves the hold to its expiry", async () => {
    const { creator, other, store } = world();
    beginNow(creator.guard.startCall(JOB_PLAN)).accept("job_1", DAY_MS);
    const record = (await store.jobs!.get(KEY))!;
    for (const [i, plan] of ["{", "{}", "null", "[]"].entries()) {
      const jobId = `broken_${i}`;
      await store.jobs!.put({ ...record, key: { provider: "p", jobId }, plan }, DAY_MS);
      other.guard.jobs.settle({ provider: "p", jobId }, TRUTH);
      expect(other.events()["job-store-failed"].at(-1)).toMatchObject({
        jobId,
        operation: "get",
        isRepeated: false,
      });
    }
    expect(await balanceOf(store)).toMatchObject({ spent: { nanoUsd: 0 }, held: { nanoUsd: 200_000 } });
  });
});
