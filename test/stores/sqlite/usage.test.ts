/** The ledger of usage records: appended once, paged through whole, and added up as anybody would by hand. */
import { utcDayOf, type UsageFilter, type UsageRecord, type UsageRollup } from "holdfast";
import { sqliteStore } from "holdfast/sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sqliteFile } from "./sqlite-file.ts";

const MAX = Number.MAX_SAFE_INTEGER;
const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 2, 28);

function record(id: string, more: Partial<UsageRecord> = {}): UsageRecord {
  return {
    id,
    atMs: START,
    callId: `call-${id}`,
    requestId: `call-${id}`,
    attempt: 1,
    holdId: `hold-${id}`,
    admittedBy: "store",
    attribution: { tenant: "acme" },
    provider: "openai",
    endpoint: "chat.completions",
    stream: false,
    requestedModel: "gpt-5-mini",
    servedModel: "gpt-5-mini-2025-08-07",
    requestedServiceTier: null,
    servedServiceTier: "default",
    outcome: "complete",
    status: 200,
    providerRequestId: `req_${id}`,
    latencyMs: 12.5,
    usage: { inputTokens: 7 } as UsageRecord["usage"],
    inputTokens: 7,
    outputTokens: 11,
    usageSource: "provider",
    costNanoUsd: 1_234,
    heldNanoUsd: 2_000,
    priceSource: "test",
    priceVersion: "1",
    ...more,
  };
}

const HOSTILE = [
  "",
  "__proto__",
  "constructor",
  'a"b',
  "a.b",
  "$",
  "a]",
  "a\\",
  "a\u0000b",
  "\ud800",
  "\u{1f4b8}",
  "\uffff",
  "t~0022",
];
const text = fc.constantFrom("acme", "globex", "a", ...HOSTILE);
const tagName = fc.constantFrom("tenant", "user", ...HOSTILE);

const recordArbitrary: fc.Arbitrary<UsageRecord> = fc
  .record({
    id: fc.oneof(
      fc.nat({ max: 60 }).map((n) => `r${n}`),
      fc.constantFrom("r\u0000", "r\ud800", "r\u{1f4b8}", "r\uffff"),
    ),
    atMs: fc.nat({ max: 3 * DAY_MS }).map((ms) => START + ms),
    callId: fc.nat({ max: 20 }).map((n) => `c${n}`),
    attribution: fc.dictionary(tagName, text, { maxKeys: 4 }),
    provider: fc.constantFrom("openai", "azure"),
    requestedModel: fc.constantFrom("gpt-5-mini", "gpt-5"),
    servedModel: fc.constantFrom(null, "gpt-5-mini-2025-08-07", "\ud801"),
    usageSource: fc.constantFrom("provider" as const, "estimated" as const),
    inputTokens: fc.constantFrom(0, 5, 1_000, MAX),
    outputTokens: fc.nat({ max: 500 }),
    costNanoUsd: fc.oneof(fc.nat(), fc.constantFrom(MAX, MAX - 1, 2 ** 26, 2 ** 52)),
  })
  .map(({ id, ...more }) => record(id, more));

const filterArbitrary: fc.Arbitrary<UsageFilter> = fc.record(
  {
    fromMs: fc.nat({ max: 3 * DAY_MS }).map((ms) => START + ms),
    toMs: fc.nat({ max: 3 * DAY_MS }).map((ms) => START + ms),
    tags: fc.dictionary(tagName, fc.option(text), { maxKeys: 2 }),
    provider: fc.constantFrom("openai", "azure"),
    model: fc.constantFrom("gpt-5-mini", "gpt-5-mini-2025-08-07", "\ud801"),
  },
  { requiredKeys: [] },
);

function matches(each: UsageRecord, filter: UsageFilter): boolean {
  return (
    each.atMs >= (filter.fromMs ?? -Infinity) &&
    each.atMs < (filter.toMs ?? Infinity) &&
    (filter.provider === undefined || each.provider === filter.provider) &&
    (filter.model === undefined || (each.servedModel ?? each.requestedModel) === filter.model) &&
    Object.entries(filter.tags ?? {}).every(([tag, value]) => tagOf(each, tag) === value)
  );
}

function tagOf(each: UsageRecord, tag: string): string | null {
  return Object.hasOwn(each.attribution, tag) ? (each.attribution[tag] ?? null) : null;
}

const clamp = (sum: bigint): number => (sum > BigInt(MAX) ? MAX : Number(sum));

/** By hand: nothing of it is the store's. */
function addedUp(records: readonly UsageRecord[], groupBy: readonly string[]): Map<string, UsageRollup> {
  const groups = new Map<string, UsageRecord[]>();
  for (const each of records) {
    const values = groupBy.map((key) => {
      if (key === "model") return each.servedModel ?? each.requestedModel;
      return key === "provider" ? each.provider : tagOf(each, key);
    });
    const name = JSON.stringify([utcDayOf(each.atMs), values]);
    groups.set(name, [...(groups.get(name) ?? []), each]);
  }
  const sum = (all: readonly UsageRecord[], of: (each: UsageRecord) => number): number =>
    clamp(all.reduce((total, each) => total + BigInt(of(each)), 0n));
  return new Map(
    [...groups].map(([name, all]) => {
      const [day, values] = JSON.parse(name) as [string, (string | null)[]];
      const estimated = all.filter((each) => each.usageSource === "estimated");
      const rollup: UsageRollup = {
        day,
        group: Object.fromEntries(groupBy.map((key, i) => [key, values[i]!])),
        calls: new Set(all.map((each) => each.callId)).size,
        attempts: all.length,
        inputTokens: sum(all, (each) => each.inputTokens),
        outputTokens: sum(all, (each) => each.outputTokens),
        costNanoUsd: sum(all, (each) => each.costNanoUsd),
        estimatedAttempts: estimated.length,
        estimatedCostNanoUsd: sum(estimated, (each) => each.costNanoUsd),
      };
      return [name, rollup];
    }),
  );
}

const inOrder = (a: UsageRecord, b: UsageRecord): number => a.atMs - b.atMs || (a.id < b.id ? -1 : 1);
const entries = (group: object): string => JSON.stringify(Object.entries(group));

describe("over any records", () => {
  it("the pages are all records in order, and the rollups are their sums", { timeout: 60_000 }, () => {
    const property = fc.property(
      fc.array(recordArbitrary, { maxLength: 40 }),
      filterArbitrary,
      fc.uniqueArray(fc.constantFrom("model", "provider", "tenant", "user", ...HOSTILE), { maxLength: 3 }),
      fc.integer({ min: 1, max: 7 }),
      (given, filter, groupBy, limit) => {
        const store = sqliteStore(":memory:");
        for (let i = 0; i < given.length; i += 7) void store.usage.append(given.slice(i, i + 7));
        void store.usage.append(given);
        // The first delivery of an id is the one that counts.
        const kept = given.filter((each, i) => given.findIndex(({ id }) => id === each.id) === i);
        const expected = kept.filter((each) => matches(each, filter)).sort(inOrder);

        const paged: UsageRecord[] = [];
        for (let after = undefined as { atMs: number; id: string } | undefined; ;) {
          const page = store.usage.records({ ...filter, limit, after }) as {
            records: UsageRecord[];
            next?: { atMs: number; id: string };
          };
          expect(page.records.length).toBeLessThanOrEqual(limit);
          paged.push(...page.records);
          if (page.next === undefined) break;
          after = page.next;
        }
        expect(paged.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
        for (const [i, each] of paged.entries()) {
          expect({ ...each, attribution: null }).toEqual({ ...expected[i], attribution: null });
          expect(Object.entries(each.attribution)).toEqual(Object.entries(expected[i]!.attribution));
          expect(Object.getPrototypeOf(each.attribution)).toBeNull();
        }

        const rollups = store.usage.rollups({ ...filter, groupBy }) as readonly UsageRollup[];
        const byHand = addedUp(expected, groupBy);
        expect(rollups.length).toBe(byHand.size);
        let previous = "";
        for (const rollup of rollups) {
          const values = groupBy.map((key) => rollup.group[key] ?? null);
          const naive = byHand.get(JSON.stringify([rollup.day, values]))!;
          expect({ ...rollup, group: null }).toEqual({ ...naive, group: null });
          expect(entries(rollup.group)).toBe(entries(naive.group));
          expect(rollup.day >= previous).toBe(true);
          previous = rollup.day;
        }
        void store.close();
      },
    );
    fc.assert(property, { numRuns: 150 });
  });
});

describe("appending", () => {
  it("keeps the first delivery of a record, also from another process, and survives it", () => {
    using file = sqliteFile();
    const first = sqliteStore(file.path);
    const second = sqliteStore(file.path);
    void first.usage.append([record("a", { costNanoUsd: 1 }), record("b", { costNanoUsd: 2 })]);
    void second.usage.append([record("b", { costNanoUsd: 99 }), record("c", { costNanoUsd: 4 })]);
    void second.usage.append([]);
    void first.close();
    void second.close();
    const again = sqliteStore(file.path);
    expect(again.usage.rollups({})).toMatchObject([
      { day: "2026-03-28", costNanoUsd: 7, attempts: 3, calls: 3 },
    ]);
    void again.close();
  });

  it("works after the store was closed, but for one in memory", () => {
    using file = sqliteFile();
    const store = sqliteStore(file.path);
    void store.usage.append([record("a")]);
    void store.close();
    void store.usage.append([record("a"), record("b")]);
    expect(store.usage.records({})).toMatchObject({ records: [{ id: "a" }, { id: "b" }] });
    const gone = sqliteStore(":memory:");
    void gone.close();
    expect(() => gone.usage.append([record("a")])).toThrow("in memory");
  });

  it("appends all of a batch or none of it", () => {
    const store = sqliteStore(":memory:");
    expect(() => store.usage.append([record("a"), record("b", { costNanoUsd: 0.5 })])).toThrow("costNanoUsd");
    expect(store.usage.records({})).toEqual({ records: [] });
    void store.close();
  });

  it("says where a page ends, and at the end that there is no more", () => {
    const store = sqliteStore(":memory:");
    void store.usage.append(["c", "a", "b"].map((id) => record(id)));
    const page = store.usage.records({ limit: 2 }) as { records: UsageRecord[]; next?: object };
    expect(page.records.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(page.next).toEqual({ atMs: START, id: "b" });
    expect(store.usage.records({ limit: 3 })).not.toHaveProperty("next");
    expect(store.usage.rollups({ fromMs: START + DAY_MS })).toEqual([]);
    void store.close();
  });
});
