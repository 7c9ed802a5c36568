/** A reply is lost after the server has done what was asked. The caller asks again, and nothing counts twice. */
import { expectMark, startFaultProxy, type FaultProxy } from "@holdfast/testkit/fault-proxy";
import { dumpState, ReferenceModel } from "@holdfast/testkit/store-suite";
import { createFakeClock } from "@holdfast/testkit";
import { amounts, type LedgerStore, type Scope } from "holdfast";
import { migratePostgres, postgresStore, type PostgresClient } from "holdfast/postgres";
import { Pool } from "pg";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { addressOf, newDatabase, through } from "./database.ts";
import { call, expectBalances, LONG_MS, newLoad, totalScope, untilAnswered } from "./load.ts";
import { usageRecord } from "./usage-records.ts";

const database = await newDatabase();
const direct = new Pool({ connectionString: database.url });
let proxy: FaultProxy;

beforeAll(async () => {
  await migratePostgres(direct);
  proxy = await startFaultProxy({ target: addressOf(database.url), protocol: "postgres" });
});
afterEach(async () => {
  proxy.heal();
  expect(proxy.errors).toEqual([]);
  await direct.query(
    "TRUNCATE holdfast.counter, holdfast.slice, holdfast.reservation, holdfast.operation, holdfast.override, holdfast.usage_record",
  );
});
afterAll(async () => {
  await proxy.stop();
  await direct.end();
  await database.drop();
});

const RUN = { where: ".run(" };

/** A new connection takes a while; one client loses the reply to every single operation, the other to every third. */
const EVERY: Readonly<Record<string, number>> = { pg: 1, "postgres.js": 3 };

/** At their defaults. */
const CLIENTS: Readonly<Record<string, (url: string) => { client: PostgresClient; end(): Promise<void> }>> = {
  pg(url) {
    const client = new Pool({ connectionString: url });
    return { client, end: () => client.end() };
  },
  "postgres.js"(url) {
    const client = postgres(url, { onnotice: () => {} });
    return { client, end: () => client.end({ timeout: 1 }) };
  },
};

interface Step {
  (store: LedgerStore): unknown;
}

/** 200 operations of every kind, one after the other; the same for every store. */
function twoHundred(): Step[] {
  const scopes: Scope[] = [
    totalScope("org", { nanoUsd: 3_000 }),
    totalScope("minute", { calls: 500 }, { window: { kind: "rolling", durationMs: 60_000, segments: 6 } }),
    totalScope(
      "day",
      { concurrentCalls: 20 },
      { window: { kind: "calendar", unit: "day", timeZone: "UTC" } },
    ),
  ];
  const steps: Step[] = [];
  for (let n = 0; steps.length < 200; n += 1) {
    const holdId = `h${n}`;
    const asked = amounts({ nanoUsd: n % 9 === 8 ? 4_000 : 60, calls: 1, concurrentCalls: 1 });
    steps.push((store) =>
      store.reserve({ operationId: holdId, scopes, amounts: asked, undispatchedTtlMs: LONG_MS }),
    );
    steps.push((store) => store.dispatch({ operationId: `d${n}`, holdId, ttlMs: LONG_MS }));
    if (n % 7 === 6) steps.push((store) => store.renew({ operationId: `n${n}`, holdId, ttlMs: 2 * LONG_MS }));
    if (n % 5 === 4) steps.push((store) => store.release({ operationId: `x${n}`, holdId }));
    else {
      const actual = amounts({ nanoUsd: 20 + n, calls: 1 });
      steps.push((store) => store.settle({ operationId: `s${n}`, holdId, amounts: actual }));
    }
    const scope = scopes[0]!;
    if (n % 6 === 5) {
      steps.push((store) => store.adjust({ operationId: `j${n}`, scope, delta: { nanoUsd: -15 } }));
      const override = { operationId: `o${n}`, scope, extra: { nanoUsd: 40 }, ttlMs: LONG_MS };
      steps.push((store) => store.override(override));
    }
  }
  return steps.slice(0, 200);
}

describe.each(Object.keys(CLIENTS))("%s", (name) => {
  it(`counts nothing twice and loses nothing when the n-th reply of 200 is lost, every n in ${EVERY[name]}`, async () => {
    const clock = createFakeClock();
    const model = new ReferenceModel(clock);
    const { client, end } = CLIENTS[name]!(through(database.url, proxy));
    const store = postgresStore(client, { serverClock: clock });
    const dropped = proxy.marks.dropped ?? 0;
    let repeated = 0;
    try {
      await store.balances({});
      for (const [n, step] of twoHundred().entries()) {
        const failures: unknown[] = [];
        const isLost = n % (EVERY[name] ?? 1) === 0;
        if (isLost) proxy.dropReply(1, RUN);
        const answer = await untilAnswered(() => step(store), failures);
        repeated += failures.length;
        const expected = await step(model);
        expect(withoutReplay(answer), `answer ${n}`).toEqual(withoutReplay(expected));
      }
      expect(await dumpState(store)).toBe(await dumpState(model));
      expectMark(proxy, "dropped");
      const lost = Math.ceil(200 / (EVERY[name] ?? 1));
      expect((proxy.marks.dropped ?? 0) - dropped).toBe(lost);
      expect(repeated).toBeGreaterThanOrEqual(lost);
    } finally {
      await end();
      await store.close();
    }
  }, 60_000);

  it("is exact when replies of many callers are lost at once", async () => {
    const { client, end } = CLIENTS[name]!(through(database.url, proxy));
    const store = postgresStore(client);
    const load = newLoad();
    const scopes = [totalScope("org"), totalScope("team")];
    const before = proxy.marks.dropped ?? 0;
    const lost = (async () => {
      for (let n = 1; n <= 12; n += 1) {
        proxy.dropReply(1 + (n % 3), RUN);
        await proxy.waitForMark("dropped", before + n);
      }
    })();
    await Promise.all(
      Array.from({ length: 16 }, async (_, worker) => {
        for (let n = 0; n < 12; n += 1) await call(store, load, `w${worker}-${n}`, scopes, worker + n);
      }),
    );
    await lost;
    expect(load.failures.length).toBeGreaterThanOrEqual(12);
    expect(load.admitted).toBe(16 * 12);
    await expectBalances(store, load);
    await end();
  }, 60_000);
});

it("appends usage records once when the reply to the COMMIT that is in the statement is lost", async () => {
  const { client, end } = CLIENTS["pg"]!(through(database.url, proxy));
  const { usage } = postgresStore(client);
  const records = Array.from({ length: 5 }, (_, n) => usageRecord(`u${n}`));
  await usage.records({});
  proxy.dropReply(1, { where: "usage_record" });
  await expect(usage.append(records)).rejects.toThrow();
  await usage.append(records);
  expect(await usage.rollups({})).toMatchObject([{ attempts: 5, calls: 5, costNanoUsd: 50 }]);
  await end();
});

/** A replay answers as the first time; that it is one, and when it was asked, may differ from a model never asked twice. */
function withoutReplay(answer: unknown): unknown {
  const { replayed: _, expired: __, ...rest } = answer as Record<string, unknown>;
  return rest;
}
