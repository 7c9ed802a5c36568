/** @module Jobs: what is known of work that goes on at a provider, for whoever retrieves its result. */
import { amounts } from "holdfast";
import type { JobKey, JobRecord, JobStore } from "holdfast";
import { expect } from "vitest";
import type { Capability } from "./case.ts";
import { HOSTILE_TEXTS } from "./hostile-scopes.ts";
import { expectThrow, LONG_MS, SHORT_MS, type Rig } from "./rig.ts";

function jobsOf(rig: Rig, from: "store" | "other" = "store"): JobStore {
  const { jobs } = rig[from];
  expect(jobs, "the store keeps jobs").toBeDefined();
  return jobs!;
}

function keyOf(jobId: string, provider = "openai"): JobKey {
  return { provider, jobId };
}

function jobOf(key: JobKey, more: Partial<NonNullable<JobRecord["hold"]>> = {}, plan = "{}"): JobRecord {
  const hold = {
    holdId: `hold of ${key.jobId}`,
    callId: "call",
    attempt: 2,
    countsAsCall: true,
    admittedBy: "store",
    attribution: Object.assign(Object.create(null) as object, { tenant: "acme" }),
    endpoint: "batches",
    model: "m",
    requests: 50_000,
    heldNanoUsd: Number.MAX_SAFE_INTEGER,
    expiresAtMs: 1_790_000_000_000,
    ...more,
  } as const;
  return { key, hold, createdAtMs: 1_789_000_000_000, plan };
}

async function listed(jobs: JobStore, pageSize: number): Promise<JobRecord[]> {
  const all: JobRecord[] = [];
  let after: JobKey | undefined;
  for (let pages = 0; pages < 1_000; pages += 1) {
    const page = await jobs.list({ limit: pageSize, after });
    expect(page.jobs.length).toBeLessThanOrEqual(pageSize);
    all.push(...page.jobs);
    if (page.next === undefined) return all;
    expect(page.jobs).toHaveLength(pageSize);
    expect(page.next).toEqual(page.jobs.at(-1)!.key);
    after = page.next;
  }
  throw new Error("the list of jobs never comes to an end");
}

/** As JavaScript compares texts, provider first. */
function inOrder(a: JobKey, b: JobKey): number {
  if (a.provider !== b.provider) return a.provider < b.provider ? -1 : 1;
  return a.jobId < b.jobId ? -1 : 1;
}

export const jobsCapability: Capability = {
  name: "jobs",
  needs: "jobs",
  cases: [
    {
      title: "what is put is there for every handle, whole, until it is removed",
      async run(rig) {
        const job = jobOf(keyOf("batch_1"), {}, '{"price":"\u20ac \\u0000"}');
        expect(await jobsOf(rig).get(job.key)).toBeUndefined();
        await jobsOf(rig).put(job, LONG_MS);
        for (const from of ["store", "other"] as const) {
          expect(await jobsOf(rig, from).get(job.key)).toEqual(job);
          expect(await jobsOf(rig, from).list({})).toEqual({ jobs: [job] });
        }
        await jobsOf(rig, "other").remove(job.key);
        for (const from of ["store", "other"] as const) {
          expect(await jobsOf(rig, from).get(job.key)).toBeUndefined();
          expect(await jobsOf(rig, from).list({})).toEqual({ jobs: [] });
        }
        await jobsOf(rig).remove(job.key);
        await jobsOf(rig).put(job, LONG_MS);
        expect(await jobsOf(rig, "other").get(job.key)).toEqual(job);
      },
    },
    {
      title: "what holds nothing is kept as well",
      async run(rig) {
        const input: JobRecord = { key: keyOf("file_1"), hold: null, createdAtMs: 1, plan: "[1]" };
        await jobsOf(rig).put(input, LONG_MS);
        expect(await jobsOf(rig, "other").get(input.key)).toEqual(input);
      },
    },
    {
      title: "the first one under a key stays, and a put again changes nothing",
      async run(rig) {
        const first = jobOf(keyOf("batch_1"), { heldNanoUsd: 1 });
        await jobsOf(rig).put(first, LONG_MS);
        await jobsOf(rig).put(first, LONG_MS);
        await jobsOf(rig, "other").put(jobOf(first.key, { heldNanoUsd: 2 }), LONG_MS);
        expect(await jobsOf(rig, "other").get(first.key)).toEqual(first);
        expect(await jobsOf(rig).list({})).toEqual({ jobs: [first] });
      },
    },
    {
      title: "many puts of one key at once leave one of them",
      async run(rig) {
        const key = keyOf("batch_1");
        const puts = Array.from({ length: 16 }, async (_, i) =>
          jobsOf(rig, i % 2 === 0 ? "store" : "other").put(jobOf(key, { heldNanoUsd: i }), LONG_MS),
        );
        await Promise.all(puts);
        const { jobs } = await jobsOf(rig).list({});
        expect(jobs).toHaveLength(1);
        expect(await jobsOf(rig, "other").get(key)).toEqual(jobs[0]);
      },
    },
    {
      title: "what is over by the store's clock is gone, and its key is free again",
      async run(rig) {
        const short = jobOf(keyOf("short"));
        const long = jobOf(keyOf("long"));
        await jobsOf(rig).put(short, SHORT_MS);
        await jobsOf(rig).put(long, LONG_MS);
        await rig.outlive(SHORT_MS);
        expect(await jobsOf(rig).get(short.key)).toBeUndefined();
        expect(await jobsOf(rig, "other").list({})).toEqual({ jobs: [long] });
        const again = jobOf(short.key, { heldNanoUsd: 3 });
        await jobsOf(rig).put(again, LONG_MS);
        expect(await jobsOf(rig, "other").get(short.key)).toEqual(again);
      },
    },
    {
      title: "a record lives as long as was said at first",
      async run(rig) {
        const job = jobOf(keyOf("short"));
        await jobsOf(rig).put(job, SHORT_MS);
        await jobsOf(rig).put(job, LONG_MS);
        await rig.outlive(SHORT_MS);
        expect(await jobsOf(rig).get(job.key)).toBeUndefined();
      },
    },
    {
      title: "the list comes in pages of any size, by provider and id",
      async run(rig) {
        const keys: JobKey[] = [];
        for (const provider of ["openai", "open", "google", "openai/input"]) {
          for (let i = 0; i < 31; i += 1) keys.push(keyOf(`job_${i}`, provider));
        }
        await Promise.all(keys.map(async (key) => jobsOf(rig).put(jobOf(key), LONG_MS)));
        keys.sort(inOrder);
        for (const pageSize of [1, 7, keys.length - 1, keys.length, 1_000]) {
          const found = await listed(jobsOf(rig, "other"), pageSize);
          expect(found.map(({ key }) => key)).toEqual(keys);
        }
        for (const key of keys.slice(0, 100)) await jobsOf(rig).remove(key);
        const left = await listed(jobsOf(rig), 10);
        expect(left.map(({ key }) => key)).toEqual(keys.slice(100));
      },
    },
    {
      title: "names are data, whatever is in them",
      async run(rig) {
        const texts = HOSTILE_TEXTS.map(([, text]) => text).filter((text) => text !== "");
        const keys = texts.flatMap((text) => [keyOf(text), keyOf("x", text)]);
        for (const key of keys) {
          const attribution = Object.assign(Object.create(null) as object, { tenant: key.jobId });
          await jobsOf(rig).put(jobOf(key, { holdId: `${key.provider}/${key.jobId}`, attribution }), LONG_MS);
        }
        keys.sort(inOrder);
        const found = await listed(jobsOf(rig, "other"), 10);
        expect(found.map(({ key }) => key)).toEqual(keys);
        for (const key of keys) {
          const job = await jobsOf(rig, "other").get(key);
          expect(job?.hold?.holdId === `${key.provider}/${key.jobId}`).toBe(true);
          expect(job?.hold?.attribution["tenant"] === key.jobId).toBe(true);
        }
        for (const key of keys) await jobsOf(rig).remove(key);
        expect(await jobsOf(rig).list({})).toEqual({ jobs: [] });
        expect(Object.keys({})).toEqual([]);
      },
    },
    {
      title: "the joint between provider and id is not where a text may cut it",
      async run(rig) {
        const keys = [keyOf("b:c", "a"), keyOf("c", "a:b"), keyOf("\tc", "a"), keyOf("c", "a\t")];
        for (const key of keys) {
          expect(await jobsOf(rig).get(key)).toBeUndefined();
          await jobsOf(rig).put(jobOf(key), LONG_MS);
        }
        expect((await jobsOf(rig).list({})).jobs).toHaveLength(keys.length);
      },
    },
    {
      title: "tags that are named like what every object has come back as tags",
      async run(rig) {
        const attribution = Object.create(null) as Record<string, string>;
        for (const tag of ["__proto__", "constructor", "toString"]) attribution[tag] = "polluted";
        const job = jobOf(keyOf("batch_1"), { attribution });
        await jobsOf(rig).put(job, LONG_MS);
        const found = (await jobsOf(rig, "other").get(job.key))!.hold!.attribution;
        expect(Object.entries(found).sort()).toEqual(Object.entries(attribution).sort());
        expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
      },
    },
    {
      title: "the longest names are kept apart, and the longest record is kept whole",
      async run(rig) {
        const provider = "\ud800".repeat(64);
        const [one, two] = ["1", "2"].map((end) => keyOf("\udfff".repeat(255) + end, provider));
        const plan = "\u20ac".repeat(60_000);
        await jobsOf(rig).put(jobOf(one!, {}, plan), LONG_MS);
        await jobsOf(rig).put(jobOf(two!), LONG_MS);
        expect((await jobsOf(rig, "other").get(one!))?.plan === plan).toBe(true);
        expect((await jobsOf(rig, "other").get(two!))?.plan).toBe("{}");
      },
    },
    {
      title: "what cannot be kept is refused, and nothing is kept of it",
      async run(rig) {
        const jobs = jobsOf(rig);
        const fine = jobOf(keyOf("batch_1"));
        for (const key of [keyOf(""), keyOf("a", ""), keyOf("a".repeat(257)), keyOf("a", "b".repeat(65))]) {
          const refused = JSON.stringify(key).slice(0, 40);
          await expectThrow(`a put of ${refused}`, () => jobs.put(jobOf(key), LONG_MS));
          await expectThrow(`a get of ${refused}`, () => jobs.get(key));
          await expectThrow(`a remove of ${refused}`, () => jobs.remove(key));
          await expectThrow(`a list behind ${refused}`, () => jobs.list({ after: key }));
        }
        for (const ttlMs of [0, -1, 0.5, NaN, Infinity]) {
          await expectThrow(`a life of ${ttlMs} ms`, () => jobs.put(fine, ttlMs));
        }
        for (const limit of [0, -1, 0.5, NaN]) {
          await expectThrow(`a page of ${limit}`, () => jobs.list({ limit }));
        }
        await expectThrow("a record of 70 kB", () =>
          jobs.put({ ...fine, plan: "x".repeat(70_000) }, LONG_MS),
        );
        expect(await jobs.list({})).toEqual({ jobs: [] });
      },
    },
    {
      title: "the hold of a job is there for every handle: another one settles it",
      async run(rig) {
        const scope = rig.scope("a", { nanoUsd: 100 });
        for (const [operationId, resolve] of [
          ["job 1", "settle"],
          ["job 2", "release"],
        ] as const) {
          const operation = {
            operationId,
            scopes: [scope],
            amounts: amounts({ nanoUsd: 60, calls: 1 }),
            undispatchedTtlMs: LONG_MS,
            shared: true,
          };
          expect(await rig.store.reserve(operation)).toMatchObject({ outcome: "held" });
          await rig.store.dispatch({ operationId: rig.id(), holdId: operationId, ttlMs: SHORT_MS });
          const renewed = { operationId: rig.id(), holdId: operationId, ttlMs: LONG_MS };
          expect(await rig.store.renew(renewed)).toMatchObject({ outcome: "renewed" });
          await rig.outlive(SHORT_MS);
          const resolved =
            resolve === "settle"
              ? await rig.other.settle({
                  operationId: "by another",
                  holdId: operationId,
                  amounts: amounts({ nanoUsd: 5, calls: 1 }),
                })
              : await rig.other.release({ operationId: "by another", holdId: operationId });
          expect(resolved).toMatchObject({ outcome: `${resolve}d`, replayed: false });
          expect(await rig.settle(operationId, { nanoUsd: 7 })).toMatchObject({
            outcome: "already-resolved",
          });
        }
        await rig.expectBalance(scope, { spent: { nanoUsd: 5, calls: 1 } });
      },
    },
  ],
};
