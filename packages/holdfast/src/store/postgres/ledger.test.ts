import { describe, expect, it } from "vitest";
import { StoreSetupError } from "../../error/store-setup-error.ts";
import { amounts } from "../../ledger/amounts.ts";
import type { LedgerStore } from "../../ledger/ledger-store.ts";
import { schemaVersion } from "./schema.ts";
import { postgresStore } from "./postgres-store.ts";

const failure = (code: string): Error => Object.assign(new Error(`failed with ${code}`), { code });

/** Ids of the operations in a call of `run`. */
const idsOf = (params: readonly unknown[]): string[] =>
  JSON.parse(`[${String(params[2]).slice(1, -1)}]`) as string[];

/** A server that says "held" to everything, or what `answer` throws or gives. */
function scripted(
  answer: (ids: readonly string[], params: readonly unknown[], trip: number) => object[] | undefined,
): { store: LedgerStore; trips: string[][]; release(): void } {
  const trips: string[][] = [];
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const store = postgresStore(
    {
      query: async (text, params = []) => {
        if (text.includes("max(number)")) return { rows: [{ version: String(schemaVersion()) }] };
        const ids = idsOf(params);
        trips.push(ids);
        if (ids[0] === "gate") await gate;
        const answers = answer(ids, params, trips.length) ?? ids.map(() => ({ o: "held", at: 5 }));
        return { rows: [{ answer: JSON.stringify({ now: 5, answers, expired: [] }) }] };
      },
    },
    { batching: { maxTrips: 1, maxOperations: 10 } },
  );
  return { store, trips, release: () => release() };
}

const reserve = (store: LedgerStore, operationId: string): Promise<unknown> =>
  Promise.resolve(store.reserve({ operationId, scopes: [], amounts: amounts({}), undispatchedTtlMs: 1_000 }));

/** Ten operations that leave together, behind one that is held back. */
async function together(
  given: ReturnType<typeof scripted>,
  ids: readonly string[],
): Promise<PromiseSettledResult<unknown>[]> {
  const gate = reserve(given.store, "gate");
  const results = Promise.allSettled(ids.map((id) => reserve(given.store, id)));
  await new Promise((resolve) => setTimeout(resolve, 5));
  given.release();
  await gate;
  return results;
}

const IDS = ["a", "b", "c", "d"];

describe("a group", () => {
  it("that fails because of one operation is sent again one by one, with a short wait for locks", async () => {
    const waits: string[] = [];
    const given = scripted((ids, params) => {
      if (ids.length > 1) throw failure("22003");
      waits.push(String(params[0]).split(",")[1]!);
      if (ids[0] === "c") throw failure("22003");
      return undefined;
    });
    const results = await together(given, IDS);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    expect(given.trips).toEqual([["gate"], IDS, ["a"], ["b"], ["c"], ["d"]]);
    expect(waits).toEqual(["1000", "330", "330", "330", "330"]);
  });

  it.each(["08006", "57P01", "53300", "25006"])(
    "that fails with %s fails for all, and is not sent again",
    async (code) => {
      const given = scripted((ids) => {
        if (ids.length > 1) throw failure(code);
        return undefined;
      });
      const results = await together(given, IDS);
      expect(results).toMatchObject(IDS.map(() => ({ status: "rejected", reason: { code } })));
      expect(given.trips).toEqual([["gate"], IDS]);
    },
  );

  it("without a code, such as a lost connection, fails for all", async () => {
    const given = scripted((ids) => {
      if (ids.length > 1) throw new Error("Connection terminated unexpectedly");
      return undefined;
    });
    const results = await together(given, IDS);
    expect(results.every(({ status }) => status === "rejected")).toBe(true);
    expect(given.trips).toHaveLength(2);
  });

  it("never names a hold twice", async () => {
    const given = scripted(() => undefined);
    await together(given, ["a", "b", "a", "c", "a"]);
    expect(given.trips).toEqual([["gate"], ["a", "b", "c"], ["a"], ["a"]]);
  });
});

describe("a statement", () => {
  it.each(["40001", "40P01", "23505"])(
    "that ends in %s is repeated, and then looks for what others made",
    async (code) => {
      const named: string[] = [];
      const given = scripted((_, params, trip) => {
        named.push(String(params[3]));
        if (trip < 4) throw failure(code);
        return undefined;
      });
      expect(await reserve(given.store, "a")).toMatchObject({ outcome: "held" });
      expect(given.trips).toHaveLength(4);
      expect(named).toEqual(['{"\u0001"}', '{"a"}', '{"a"}', '{"a"}']);
    },
  );

  it("is not repeated for ever", async () => {
    const given = scripted(() => {
      throw failure("40001");
    });
    await expect(reserve(given.store, "a")).rejects.toMatchObject({ code: "40001" });
    expect(given.trips.length).toBeGreaterThan(5);
    expect(given.trips.length).toBeLessThan(20);
  });

  it("asks again when no window was current, when holds were due, and when it was known, but not for ever", async () => {
    const flags: string[] = [];
    const says = ["clock", "due", "known"];
    const given = scripted((_, params, trip) => {
      flags.push(String(params[0]).split(",").slice(5).join());
      return says[trip - 1] === undefined ? undefined : [{ o: says[trip - 1] }];
    });
    expect(await reserve(given.store, "a")).toMatchObject({ outcome: "held" });
    expect(flags).toEqual(["0,0}", "0,0}", "1,0}", "1,1}"]);
    const endless = scripted(() => [{ o: "clock" }]);
    await expect(reserve(endless.store, "a")).rejects.toThrow(/stand still/);
    expect(endless.trips).toHaveLength(50);
  });

  it("that misses a function or a right is a matter of set-up", async () => {
    for (const [code, message] of [
      ["42883", /run migratePostgres/],
      ["3F000", /run migratePostgres/],
      ["42501", /grant USAGE/],
    ] as const) {
      const given = scripted(() => {
        throw failure(code);
      });
      await expect(reserve(given.store, "a")).rejects.toThrow(StoreSetupError);
      await expect(reserve(given.store, "a")).rejects.toThrow(message);
    }
  });

  it("that answers for another number of operations is not believed", async () => {
    const given = scripted(() => []);
    await expect(reserve(given.store, "a")).rejects.toThrow("1 operations were sent and 0 answers came back");
  });
});

describe("options", () => {
  it.each([
    { rememberMs: 0 },
    { rememberDenialsMs: -1 },
    { lockTimeoutMs: 0.5 },
    { batching: { maxOperations: 0 } },
    { batching: { maxTrips: NaN } },
  ])("that are no whole number above 0 are refused: %o", (options) => {
    expect(() => postgresStore({ query: async () => ({ rows: [] }) }, options)).toThrow(
      /must be a whole number > 0/,
    );
  });
});
