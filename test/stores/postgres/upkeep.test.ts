/** What the store does besides answering: one statement for many, a clock that is put back, and what it forgets. */
import { createFakeClock } from "@holdfast/testkit";
import {
  amounts,
  windowAt,
  type CalendarWindow,
  type Held,
  type LedgerStore,
  type ReserveResult,
  type Scope,
} from "holdfast";
import {
  migratePostgres,
  postgresStore,
  type PostgresStoreOptions,
  type QueryClient,
} from "holdfast/postgres";
import { Pool } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { newDatabase } from "./database.ts";
import { LONG_MS, totalScope } from "./load.ts";

const database = await newDatabase();
const pool = new Pool({ connectionString: database.url });
beforeAll(() => migratePostgres(pool));
beforeEach(() =>
  pool.query(
    "TRUNCATE holdfast.counter, holdfast.slice, holdfast.reservation, holdfast.operation, holdfast.override",
  ),
);
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const DAY: CalendarWindow = { kind: "calendar", unit: "day", timeZone: "Europe/Berlin" };
const DAY_MS = 86_400_000;

async function reserve(
  store: LedgerStore,
  id: string,
  scopes: readonly Scope[],
  nanoUsd = 1,
  ttlMs = LONG_MS,
): Promise<ReserveResult> {
  const operation = { operationId: id, scopes, amounts: amounts({ nanoUsd }), undispatchedTtlMs: ttlMs };
  return store.reserve(operation);
}

async function rowsOf(table: string): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM holdfast.${table}`);
  return rows[0]!.n;
}

/** A client that counts the statements that go through it, and may keep one from being answered for a while. */
function counted(): { client: QueryClient; statements: string[] } {
  const statements: string[] = [];
  const client: QueryClient = {
    query: (text, params) => {
      statements.push(text);
      return pool.query(text, params);
    },
  };
  return { client, statements };
}

describe("round trips", () => {
  it("are one per operation for a caller alone, new windows and replays of other operations included", async () => {
    const { client, statements } = counted();
    const store = postgresStore(client);
    await store.balances({});
    statements.length = 0;
    const scopes = [totalScope("a"), totalScope("b", {}, { window: DAY })];
    await reserve(store, "r", scopes);
    await store.dispatch({ operationId: "d", holdId: "r", ttlMs: LONG_MS });
    await store.renew({ operationId: "n", holdId: "r", ttlMs: LONG_MS });
    await store.settle({ operationId: "s", holdId: "r", amounts: amounts({}) });
    await store.settle({ operationId: "s", holdId: "r", amounts: amounts({}) });
    await store.release({ operationId: "x", holdId: "r" });
    await store.adjust({ operationId: "j", scope: scopes[0]!, delta: { nanoUsd: 1 } });
    await store.override({ operationId: "o", scope: scopes[0]!, extra: { nanoUsd: 1 }, ttlMs: LONG_MS });
    await reserve(store, "denied", [totalScope("c", { nanoUsd: 0 })]);
    await store.expire({ limit: 5 });
    expect(statements).toHaveLength(10);
  });

  it("are few for many callers who wait, each with an answer of its own", async () => {
    const { client, statements } = counted();
    const store = postgresStore(client, { batching: { maxTrips: 2, maxOperations: 32 } });
    const scope = totalScope("hot", { nanoUsd: 70 });
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => reserve(store, `r${n}`, [scope])),
    );
    expect(answers.filter(({ outcome }) => outcome === "held")).toHaveLength(70);
    expect(answers.filter(({ outcome }) => outcome === "denied")).toHaveLength(30);
    expect(statements.length).toBeLessThanOrEqual(8);
  });

  it("keep operations on one hold in their order", async () => {
    const store = postgresStore(pool, { batching: { maxTrips: 1 } });
    const scope = totalScope("a");
    const blocker = reserve(store, "blocker", [scope]);
    const answers = await Promise.all([
      reserve(store, "r", [scope]),
      store.dispatch({ operationId: "d", holdId: "r", ttlMs: LONG_MS }),
      store.settle({ operationId: "s", holdId: "r", amounts: amounts({ nanoUsd: 5 }) }),
      store.settle({ operationId: "s", holdId: "r", amounts: amounts({ nanoUsd: 5 }) }),
      store.release({ operationId: "x", holdId: "r" }),
    ]);
    await blocker;
    expect(answers).toMatchObject([
      { outcome: "held" },
      { outcome: "dispatched", replayed: false },
      { outcome: "settled", replayed: false },
      { outcome: "settled", replayed: true },
      { outcome: "already-resolved", state: "settled" },
    ]);
  });
});

describe("the server's clock", () => {
  it("put back over midnight does not bring back the day before", async () => {
    const clock = createFakeClock(new Date("2026-03-28T22:59:00Z"));
    const options: PostgresStoreOptions = { serverClock: clock };
    const scope = totalScope("a", { nanoUsd: 100 }, { window: DAY });
    expect(await reserve(postgresStore(pool, options), "one", [scope], 100)).toMatchObject({
      outcome: "held",
    });
    clock.advance(120_000);
    const after = (await reserve(postgresStore(pool, options), "two", [scope], 60)) as Held;
    expect(after.windows[0]!.id).toBe("2026-03-29");
    clock.advance(-110_000);
    // A process that has only just started, and believes the clock.
    const fresh = postgresStore(pool, options);
    const back = (await reserve(fresh, "three", [scope], 40)) as Held;
    expect(back.windows[0]!.id).toBe("2026-03-29");
    expect(back.reservedAtMs).toBe(after.reservedAtMs);
    expect(await reserve(fresh, "four", [scope], 1)).toMatchObject({
      outcome: "denied",
      deniedAtMs: back.reservedAtMs,
    });
  });

  it("decides, whatever the clocks of the processes say", async () => {
    const { rows } = await pool.query<{ now: string }>(
      "SELECT (extract(epoch FROM now()) * 1000)::bigint::text AS now",
    );
    const scope = totalScope("a", {}, { window: DAY });
    const held = (await reserve(postgresStore(pool), "r", [scope])) as Held;
    expect(Math.abs(held.reservedAtMs - Number(rows[0]!.now))).toBeLessThan(5_000);
    const { startMs, endMs } = held.windows[0]!;
    expect(startMs <= held.reservedAtMs && held.reservedAtMs < endMs!).toBe(true);
  });

  it.each([-DAY_MS, DAY_MS])(
    "decides when the process is off by %i ms, with one more trip, once",
    async (offMs) => {
      const truth = Date.now();
      vi.useFakeTimers({ toFake: ["Date"], now: truth + offMs });
      try {
        const { client, statements } = counted();
        const store = postgresStore(client);
        await store.balances({});
        statements.length = 0;
        const held = (await reserve(store, "r", [totalScope("a", {}, { window: DAY })])) as Held;
        expect(Math.abs(held.reservedAtMs - truth)).toBeLessThan(10_000);
        expect(held.windows).toEqual([windowAt(DAY, held.reservedAtMs)]);
        expect(statements).toHaveLength(2);
        await reserve(store, "r2", [totalScope("a", {}, { window: DAY })]);
        expect(statements).toHaveLength(3);
      } finally {
        vi.useRealTimers();
      }
    },
  );
});

describe("forgetting", () => {
  const clock = createFakeClock();
  const rolling = totalScope("rolling", {}, { window: { kind: "rolling", durationMs: 60_000, segments: 6 } });
  const scopes = [totalScope("total"), totalScope("day", {}, { window: DAY }), rolling];

  async function sweep(store: LedgerStore): Promise<void> {
    for (let n = 0; n < 3; n += 1) await store.expire({ limit: 100 });
  }

  it("takes what is resolved, denied and answered after its time, and not before", async () => {
    const store = postgresStore(pool, { serverClock: clock, rememberMs: 10_000, rememberDenialsMs: 2_000 });
    await reserve(store, "settled", scopes, 5);
    await store.settle({ operationId: "s", holdId: "settled", amounts: amounts({ nanoUsd: 5 }) });
    await reserve(store, "open", scopes, 5, 10 * DAY_MS);
    await reserve(store, "denied", [totalScope("shut", { nanoUsd: 0 })]);
    await store.override({ operationId: "o", scope: scopes[0]!, extra: { nanoUsd: 1 }, ttlMs: 1_000 });
    expect([await rowsOf("reservation"), await rowsOf("operation"), await rowsOf("override")]).toEqual([
      3, 1, 1,
    ]);
    clock.advance(1_999);
    await sweep(store);
    expect([await rowsOf("reservation"), await rowsOf("operation"), await rowsOf("override")]).toEqual([
      3, 1, 0,
    ]);
    clock.advance(1);
    await sweep(store);
    expect(await rowsOf("reservation")).toBe(2);
    clock.advance(8_000);
    await sweep(store);
    expect([await rowsOf("reservation"), await rowsOf("operation")]).toEqual([1, 0]);
    // What is spent, and what is still held, stays for ever.
    clock.advance(5 * DAY_MS);
    await sweep(store);
    const { balances } = await store.balances({});
    expect(balances.map(({ scope, spent, held }) => [scope.key, spent.nanoUsd, held.nanoUsd])).toEqual([
      ["day", 5, 5],
      ["rolling", 0, 5],
      ["total", 5, 5],
    ]);
    await store.release({ operationId: "x", holdId: "open" });
    clock.advance(2 * DAY_MS);
    await sweep(store);
    expect([await rowsOf("counter"), await rowsOf("slice"), await rowsOf("reservation")]).toEqual([1, 0, 0]);
  });

  it("goes on where it stopped, a bounded number of rows at a time", async () => {
    const store = postgresStore(pool, { serverClock: clock, rememberMs: 1_000 });
    for (let batch = 0; batch < 10; batch += 1) {
      const many = Array.from({ length: 50 }, (_, n) => totalScope(`many ${batch} ${n}`));
      await reserve(store, `m${batch}`, many, 1, 100);
    }
    clock.advance(200);
    let expired = 0;
    for (let n = 0; n < 4; n += 1) expired += (await store.expire({ limit: 3 })).expired.length;
    expect(expired).toBe(10);
    expect(await rowsOf("counter")).toBe(500);
    clock.advance(2_000);
    await store.expire({ limit: 3 });
    const left = await rowsOf("counter");
    expect(left).toBeLessThan(500);
    expect(left).toBeGreaterThanOrEqual(300);
    for (let n = 0; n < 6; n += 1) await store.expire({ limit: 3 });
    expect([await rowsOf("counter"), await rowsOf("reservation")]).toEqual([0, 0]);
  });

  it("does not take what is being used", async () => {
    const stores = Array.from({ length: 4 }, () =>
      postgresStore(pool, { rememberMs: 1, rememberDenialsMs: 1 }),
    );
    const one = totalScope("one", { nanoUsd: 50 });
    let held = 0;
    await Promise.all(
      stores.map(async (store, s) => {
        for (let n = 0; n < 40; n += 1) {
          const id = `u${s}-${n}`;
          const result = await reserve(store, id, [one, totalScope(`own ${s}`)]);
          await store.expire({ limit: 5 });
          if (result.outcome !== "held") continue;
          held += 1;
          expect(await store.release({ operationId: `${id} x`, holdId: id })).toMatchObject({
            outcome: "released",
          });
        }
      }),
    );
    expect(held).toBe(160);
    expect((await stores[0]!.balances({})).balances).toEqual([]);
  });
});
