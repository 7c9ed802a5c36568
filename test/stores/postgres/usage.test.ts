/** The ledger of usage records: over any records and questions it answers as the one in SQLite does. */
import fc from "fast-check";
import { OperationInvalidError, type UsageFilter, type UsageLedger, type UsageRecord } from "holdfast";
import { migratePostgres, postgresStore } from "holdfast/postgres";
import { sqliteStore } from "holdfast/sqlite";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newDatabase } from "./database.ts";
import { usageRecord } from "./usage-records.ts";

const database = await newDatabase();
const pool = new Pool({ connectionString: database.url });
const { usage } = postgresStore(pool);
beforeAll(() => migratePostgres(pool));
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const START = Date.UTC(2026, 2, 28);
const DAY_MS = 86_400_000;
const MAX = Number.MAX_SAFE_INTEGER;
const HOSTILE = [
  "",
  "__proto__",
  'a"b',
  "a.b",
  "$",
  "a\\",
  "a\u0000b",
  "\u0001",
  "\ud800",
  "\u{1f4b8}",
  "\uffff",
  "\uf8ff",
];

const text = fc.constantFrom("acme", "globex", ...HOSTILE);
const tag = fc.constantFrom("tenant", "user", ...HOSTILE);
const record = fc
  .record({
    id: fc.oneof(
      fc.nat({ max: 60 }).map((n) => `r${n}`),
      fc.constantFrom("r\u0000", "r\ud800", "r\u{1f4b8}", "r\uffff", "r\uf8ff"),
    ),
    atMs: fc.nat({ max: 3 * DAY_MS }).map((ms) => START + ms),
    callId: fc.nat({ max: 20 }).map((n) => `c${n}`),
    attribution: fc.dictionary(tag, text, { maxKeys: 4 }),
    provider: fc.constantFrom("openai", "azure"),
    requestedModel: fc.constantFrom("gpt-5-mini", "gpt-5"),
    servedModel: fc.constantFrom(null, "gpt-5-mini-2025-08-07", "\ud801"),
    usageSource: fc.constantFrom("provider" as const, "estimated" as const),
    inputTokens: fc.constantFrom(0, 5, 1_000, MAX),
    outputTokens: fc.nat({ max: 500 }),
    costNanoUsd: fc.oneof(fc.nat(), fc.constantFrom(MAX, MAX - 1)),
  })
  .map(({ id, ...more }) => usageRecord(id, more));

const filter: fc.Arbitrary<UsageFilter> = fc.record(
  {
    fromMs: fc.nat({ max: 3 * DAY_MS }).map((ms) => START + ms),
    toMs: fc.nat({ max: 3 * DAY_MS }).map((ms) => START + ms),
    tags: fc.dictionary(tag, fc.option(text), { maxKeys: 2 }),
    provider: fc.constantFrom("openai", "azure"),
    model: fc.constantFrom("gpt-5-mini", "gpt-5-mini-2025-08-07", "\ud801"),
  },
  { requiredKeys: [] },
);

const groupBy = fc.uniqueArray(fc.constantFrom("model", "provider", "tenant", "user", ...HOSTILE), {
  maxLength: 3,
});

async function paged(ledger: UsageLedger, question: UsageFilter, limit: number): Promise<UsageRecord[]> {
  const all: UsageRecord[] = [];
  for (let after; ;) {
    const page = await ledger.records({ ...question, limit, ...(after === undefined ? {} : { after }) });
    all.push(...page.records);
    if (page.next === undefined) return all;
    after = page.next;
  }
}

describe("the ledger of usage records", () => {
  it("answers as the ledger in SQLite, over any records and questions", { timeout: 60_000 }, async () => {
    const property = fc.asyncProperty(
      fc.array(record, { maxLength: 40 }),
      filter,
      groupBy,
      fc.integer({ min: 1, max: 50 }),
      async (records, question, keys, limit) => {
        await pool.query("TRUNCATE holdfast.usage_record");
        const other = sqliteStore(":memory:");
        try {
          const half = records.length >> 1;
          for (const batch of [records.slice(0, half), records.slice(half), records]) {
            await usage.append(batch);
            await other.usage.append(batch);
          }
          expect(await paged(usage, question, limit)).toEqual(await paged(other.usage, question, limit));
          const rollups = { ...question, groupBy: keys };
          expect(await usage.rollups(rollups)).toEqual(await other.usage.rollups(rollups));
        } finally {
          await other.close();
        }
      },
    );
    await fc.assert(property, { numRuns: 60, seed: 20261121 });
  });

  it("counts a record once that many deliver at once", async () => {
    await pool.query("TRUNCATE holdfast.usage_record");
    const records = Array.from({ length: 30 }, (_, n) => usageRecord(`u${n}`, { callId: `c${n % 10}` }));
    await Promise.all(
      Array.from({ length: 12 }, async (_, n) => usage.append(n % 2 === 0 ? records : records.toReversed())),
    );
    expect(await usage.rollups({})).toMatchObject([
      { day: "2026-03-28", attempts: 30, calls: 10, costNanoUsd: 300 },
    ]);
  });

  it("takes all records of a delivery or none", async () => {
    await pool.query("TRUNCATE holdfast.usage_record");
    const bad = [usageRecord("good"), usageRecord("bad", { costNanoUsd: -1 })];
    await expect(usage.append(bad)).rejects.toThrow(OperationInvalidError);
    const long = [usageRecord("good"), usageRecord("x".repeat(600))];
    await expect(usage.append(long)).rejects.toThrow(OperationInvalidError);
    expect(await usage.records({})).toEqual({ records: [] });
  });
});
