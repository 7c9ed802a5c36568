import { describe, expect, test } from "vitest";
import { failingStore } from "../../test/support/failing-store.ts";
import { begin, beginNow, fakeClock, guardKit } from "../../test/support/guard-kit.ts";
import {
  DAY_MS,
  BUDGET,
  JOB_PLAN,
  KEY,
  TRUTH,
  world,
  balanceOf,
  openJobs,
  boundJobs,
  withoutJobs,
} from "../../test/support/jobs-kit.ts";
import type { JobStore } from "../ledger/job-store.ts";
import { memoryStore } from "../store/memory/memory-store.ts";

describe("a store that keeps no jobs", () => {
  test("leaves them to the process that created them", async () => {
    const clock = fakeClock();
    const plain = withoutJobs(memoryStore({ clock }));
    const { creator, other, store } = world(plain);
    beginNow(creator.guard.startCall(JOB_PLAN)).accept("job_1", DAY_MS);
    expect(await openJobs(creator)).toHaveLength(1);
    expect(await openJobs(other)).toEqual([]);
    other.guard.jobs.settle(KEY, TRUTH);
    expect(await balanceOf(store)).toMatchObject({ held: { nanoUsd: 200_000 } });
    creator.guard.jobs.settle(KEY, TRUTH);
    expect(await balanceOf(store)).toMatchObject({ spent: { nanoUsd: 20_000 }, held: { nanoUsd: 0 } });
    expect(await openJobs(creator)).toEqual([]);
    expect(creator.events()["job-store-failed"]).toEqual([]);
  });
});

describe("a store that fails to keep one", () => {
  /** Refuses until it is told to work. */
  function refusingJobs(jobs: JobStore): JobStore & { works: boolean } {
    const flaky = {
      ...boundJobs(jobs),
      works: false,
      put: (...given: Parameters<JobStore["put"]>) => {
        if (!flaky.works) throw new TypeError("redis://user:secret@host");
        return jobs.put(...given);
      },
    };
    return flaky;
  }

  test("is told of, and the job stays in this process until it is there", async () => {
    const clock = fakeClock();
    const memory = memoryStore({ clock });
    const jobs = refusingJobs(memory.jobs!);
    const store = Object.assign(withoutJobs(memory), { jobs });
    const { creator } = world(store);
    beginNow(creator.guard.startCall(JOB_PLAN)).accept("job_1", DAY_MS);
    await Promise.resolve();
    const failures = creator.events()["job-store-failed"];
    expect(failures).toMatchObject([{ provider: "p", jobId: "job_1", operation: "put", isRepeated: true }]);
    expect(failures[0]!.detail).toContain("TypeError");
    expect(failures[0]!.detail).not.toContain("secret");
    expect(await openJobs(creator)).toHaveLength(1);
    jobs.works = true;
    await creator.guard.link.settled();
    expect(await memory.jobs!.get(KEY)).toMatchObject({ hold: { heldNanoUsd: 200_000 } });
    expect(await openJobs(creator)).toHaveLength(1);
  });

  test("does not bring back a job that was settled meanwhile", async () => {
    const clock = fakeClock();
    const memory = memoryStore({ clock });
    const jobs = refusingJobs(memory.jobs!);
    const store = Object.assign(withoutJobs(memory), { jobs });
    const { creator } = world(store);
    beginNow(creator.guard.startCall(JOB_PLAN)).accept("job_1", DAY_MS);
    creator.guard.jobs.settle(KEY, TRUTH);
    expect(await openJobs(creator)).toEqual([]);
    jobs.works = true;
    await creator.guard.link.settled();
    expect(await memory.jobs!.get(KEY)).toBeUndefined();
    expect(creator.events()["job-settled"]).toHaveLength(1);
  });

  test("for good is told of as that, and this process can still settle it", async () => {
    const { creator, store } = world();
    const tags = { tenant: "x".repeat(70_000) };
    beginNow(creator.guard.startCall(JOB_PLAN, tags)).accept("job_1", DAY_MS);
    expect(creator.events()["job-store-failed"].at(-1)).toMatchObject({
      operation: "put",
      isRepeated: false,
    });
    creator.guard.jobs.settle(KEY, TRUTH);
    expect(await balanceOf(store)).toMatchObject({ spent: { nanoUsd: 20_000 }, held: { nanoUsd: 0 } });
  });
});

test("a job that was let through in an outage is settled by its own process, and posted", async () => {
  const clock = fakeClock();
  const memory = memoryStore({ clock });
  const store = Object.assign(failingStore(memory), { jobs: memory.jobs! });
  const kit = guardKit({ store, clock, budgets: [{ ...BUDGET, onStoreFailure: "open" }] });
  store.trouble = "refuses";
  const attempt = await begin(kit.guard.startCall(JOB_PLAN));
  attempt.accept("job_1", DAY_MS);
  expect(await memory.jobs!.list({})).toEqual({ jobs: [] });
  store.trouble = "none";
  clock.advance(3_600_000);
  kit.guard.jobs.settle(KEY, TRUTH);
  await kit.guard.link.settled();
  expect(await balanceOf(memory)).toMatchObject({
    spent: { nanoUsd: 20_000, calls: 3 },
    held: { nanoUsd: 0 },
  });
  expect(kit.events()["job-settled"]).toHaveLength(1);
});

test("a result that is looked at again and again is told to a store that is down once", async () => {
  const clock = fakeClock();
  const memory = memoryStore({ clock });
  const store = Object.assign(failingStore(memory), { jobs: memory.jobs! });
  const kit = guardKit({ store, clock, budgets: [BUDGET] });
  (await begin(kit.guard.startCall(JOB_PLAN))).accept("job_1", DAY_MS);
  store.trouble = "refuses";
  for (let look = 0; look < 100; look++) {
    kit.guard.jobs.settle(KEY, TRUTH);
    await Promise.resolve();
  }
  expect(kit.guard.link.unsent).toBeLessThanOrEqual(2);
  store.trouble = "none";
  await kit.guard.link.settled();
  expect(await balanceOf(memory)).toMatchObject({ spent: { nanoUsd: 20_000 }, held: { nanoUsd: 0 } });
  expect(kit.events()["job-settled"]).toHaveLength(1);
});

describe("the input of a job", () => {
  const INPUT = { provider: "p/input", jobId: "file_1" };

  test("is known to every process, for its time, and is no job", async () => {
    const { creator, other, clock } = world();
    creator.guard.jobs.remember(INPUT, '{"sum":1}', DAY_MS);
    expect(await other.guard.jobs.recall(INPUT)).toBe('{"sum":1}');
    expect(await creator.guard.jobs.recall(INPUT)).toBe('{"sum":1}');
    expect(await openJobs(creator)).toEqual([]);
    other.guard.jobs.settle(INPUT, TRUTH);
    expect(await other.guard.jobs.recall(INPUT)).toBe('{"sum":1}');
    clock.advance(DAY_MS);
    expect(await other.guard.jobs.recall(INPUT)).toBeUndefined();
  });

  test("without a store for it is known to this process", async () => {
    const { creator, other } = world(withoutJobs(memoryStore({ clock: fakeClock() })));
    creator.guard.jobs.remember(INPUT, "{}", DAY_MS);
    expect(await creator.guard.jobs.recall(INPUT)).toBe("{}");
    expect(await other.guard.jobs.recall(INPUT)).toBeUndefined();
  });
});

test("lists of jobs that are not ours do not crowd out what has to be said to a store out of reach", async () => {
  const clock = fakeClock();
  const memory = memoryStore({ clock });
  const store = Object.assign(failingStore(memory), { jobs: boundJobs(memory.jobs!) });
  const kit = guardKit({ store, clock, budgets: [BUDGET] });
  let asked = 0;
  let isBack = false;
  store.jobs.get = (key) => {
    asked += 1;
    if (!isBack) throw new Error("out of reach");
    return memory.jobs!.get(key);
  };
  for (let look = 0; look < 3; look += 1) {
    for (let i = 0; i < 1_200; i += 1)
      kit.guard.jobs.settle({ provider: "p", jobId: `not_ours_${i}` }, TRUTH);
  }
  expect(kit.guard.link.unsent).toBe(1_000);
  expect(kit.events()["job-store-failed"].some(({ isRepeated }) => !isRepeated)).toBe(true);
  isBack = true;
  clock.advance(60_000);
  await kit.guard.link.settled();
  const before = asked;
  kit.guard.jobs.settle({ provider: "p", jobId: "not_ours_0" }, TRUTH);
  expect(asked).toBe(before + 1);
});
