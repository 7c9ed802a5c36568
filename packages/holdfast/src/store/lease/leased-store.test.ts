import { afterEach, describe, expect, it, vi } from "vitest";
import { leaseKit, money, scopeOf, settleDown, type LeaseKit } from "../../../test/support/lease-kit.ts";
import { StoreUnavailableError } from "../../error/store-unavailable-error.ts";
import { DIMENSIONS } from "../../ledger/amounts.ts";
import { windowAt } from "../../kernel/window.ts";
import type { LeaseOptions } from "./index.ts";

const ORG = scopeOf("org", { nanoUsd: 1_000_000 });
const DAY = scopeOf(
  "day",
  { nanoUsd: 1_000_000 },
  { window: { kind: "calendar", unit: "day", timeZone: "UTC" } },
);
const USER = scopeOf("user", { nanoUsd: 500 });

/** So many calls that a pool has been filled ahead. */
async function warm(kit: LeaseKit, scopes = [ORG]): Promise<void> {
  for (let n = 0; n < 30; n += 1) await kit.settle((await kit.hold(scopes, 10)).holdId, 4);
  await kit.tick();
  kit.asked.length = 0;
}

describe("a call whose scopes are all leased", () => {
  it("is admitted at once, without the base, and says so", async () => {
    const kit = leaseKit();
    await warm(kit);
    const held = kit.reserve([ORG], 10);
    expect(held).toMatchObject({ outcome: "held", admittedBy: "lease", replayed: false });
    expect(held).toMatchObject({
      reservedAtMs: kit.baseClock.now(),
      windows: [windowAt(ORG.window, kit.baseClock.now())],
    });
    const { holdId } = held as { holdId: string };
    expect(kit.store.dispatch({ operationId: "d", holdId, ttlMs: 1_000 })).toEqual({
      outcome: "dispatched",
      replayed: false,
    });
    expect(kit.store.settle({ operationId: "s", holdId, amounts: money(7) })).toMatchObject({
      outcome: "settled",
      charged: money(7),
      held: money(10),
    });
    expect(kit.asked.filter((each) => !each.startsWith("reserve"))).toEqual([]);
  });

  it("is held on the base all the while: what is granted covers what is held and spent here", async () => {
    const kit = leaseKit();
    await warm(kit);
    for (let n = 0; n < 5; n += 1) await kit.hold([ORG], 10);
    const [lease] = kit.store.leases();
    for (const d of DIMENSIONS) {
      expect(lease!.granted[d]).toBeGreaterThanOrEqual(lease!.held[d] + lease!.spent[d]);
    }
    expect((await kit.onBase("org")).held).toBe(lease!.granted.nanoUsd);
  });

  it("posts what was spent at the next report", async () => {
    const kit = leaseKit();
    await kit.settle((await kit.hold([ORG], 10)).holdId, 4);
    expect((await kit.onBase("org")).spent).toBe(0);
    kit.advance(1_000);
    await kit.tick();
    expect((await kit.onBase("org")).spent).toBe(4);
    expect((await kit.store.balances({})).balances[0]!.spent.nanoUsd).toBe(4);
  });

  it("posts past a call that takes long, by exchanging the slice that it rests on", async () => {
    const kit = leaseKit();
    const long = await kit.hold([ORG], 10);
    for (let n = 0; n < 5; n += 1) await kit.settle((await kit.hold([ORG], 10)).holdId, 4);
    for (let n = 0; n < 10; n += 1) {
      kit.advance(500);
      await kit.tick();
    }
    expect(await kit.onBase("org")).toEqual({ spent: 20, held: 10 });
    await kit.settle(long.holdId, 9);
    kit.advance(1_000);
    await kit.tick();
    expect(await kit.onBase("org")).toEqual({ spent: 29, held: 0 });
  });
});

describe("a call of which only some scopes are leased", () => {
  const lease: LeaseOptions["lease"] = ({ key }) => key === "org";

  it("asks the base for the others alone, under its own id", async () => {
    const kit = leaseKit({ lease });
    await warm(kit);
    const held = await kit.hold([USER, ORG], 100);
    expect(kit.asked.filter((each) => each.includes("user"))).toEqual(["reserve user"]);
    expect(held.admittedBy).toBeUndefined();
    expect(held.windows).toHaveLength(2);
    expect(await kit.onBase("user")).toEqual({ spent: 0, held: 100 });
    await kit.settle(held.holdId, 60);
    expect(await kit.onBase("user")).toEqual({ spent: 60, held: 0 });
    expect((await kit.store.balances({ budgetIds: ["org"] })).balances[0]!.spent.nanoUsd).toBe(30 * 4 + 60);
  });

  it("gives back what it took here when the base denies the rest", async () => {
    const kit = leaseKit({ lease });
    await warm(kit);
    const before = kit.store.leases().map(({ held }) => held.nanoUsd);
    const denied = await kit.reserve([ORG, USER], 501, "denied");
    expect(denied).toMatchObject({ outcome: "denied", limiting: { scope: { key: "user" } } });
    expect(denied).toMatchObject({ available: { nanoUsd: 500 } });
    expect(kit.store.leases().map(({ held }) => held.nanoUsd)).toEqual(before);
    expect(await kit.reserve([ORG, USER], 501, "denied")).toMatchObject({
      outcome: "denied",
      replayed: true,
    });
  });

  it("gives back what it took here when the base fails, and fails with the base's error", async () => {
    const kit = leaseKit({ lease });
    await warm(kit);
    kit.failure = () => new Error("connection lost");
    await expect(kit.reserve([ORG, USER], 10)).rejects.toThrow("connection lost");
    expect(kit.store.leases()[0]!.held.nanoUsd).toBe(0);
  });
});

describe("which scopes are leased", () => {
  it("by default those that are hot, and no cold ones", async () => {
    const kit = leaseKit({ lease: "auto", hotCalls: 20 });
    for (let n = 0; n < 60; n += 1) {
      const user = scopeOf(`user-${n}`, { nanoUsd: 500 });
      await kit.settle((await kit.hold([ORG, user], 10)).holdId, 4);
      await settleDown();
    }
    expect(new Set(kit.store.leases().map(({ scopeKey }) => scopeKey))).toEqual(new Set(["org"]));
    expect(kit.asked.filter((each) => each === "reserve org,user-5")).toHaveLength(1);
    expect(kit.asked).toContain("reserve user-59");
  });

  it("never one with a rolling window or a limit on concurrent calls", async () => {
    const kit = leaseKit();
    const rolling = scopeOf(
      "rolling",
      { nanoUsd: 500 },
      { window: { kind: "rolling", durationMs: 60_000, segments: 6 } },
    );
    const slots = scopeOf("slots", { concurrentCalls: 5 });
    for (let n = 0; n < 5; n += 1) await kit.hold([rolling, slots], 10);
    expect(kit.store.leases()).toEqual([]);
    expect(kit.asked).toEqual(new Array(5).fill("reserve rolling,slots"));
  });

  it("a scope that has cooled down returns everything and is asked for directly again", async () => {
    const kit = leaseKit({ lease: "auto", hotCalls: 3 });
    for (let n = 0; n < 10; n += 1) await kit.settle((await kit.hold([ORG], 10)).holdId, 4);
    kit.advance(500);
    await kit.tick();
    await kit.tick();
    expect(await kit.onBase("org")).toEqual({ spent: 40, held: 0 });
    kit.advance(5_000);
    await kit.tick();
    kit.asked.length = 0;
    await kit.hold([ORG], 10);
    expect(kit.asked).toEqual(["reserve org"]);
    expect(kit.store.leases()).toEqual([]);
  });
});

describe("the size of a slice", () => {
  it("follows demand, and is at most a part of what is free", async () => {
    const kit = leaseKit({ parts: 8 });
    await warm(kit);
    const busy = (await kit.onBase("org")).held;
    expect(busy).toBeGreaterThan(50);
    expect(busy).toBeLessThan(1_000_000 / 8);
    const small = leaseKit({ parts: 8 });
    await warm(small, [scopeOf("small", { nanoUsd: 600 })]);
    const { spent, held } = await small.onBase("small");
    expect(held).toBeLessThanOrEqual((600 - spent) / 8 + 10);
  });

  it("near the limit is nothing: the last calls are held on the base one by one, to the last unit", async () => {
    const kit = leaseKit();
    const tight = scopeOf("tight", { nanoUsd: 105 });
    let admitted = 0;
    for (let n = 0; n < 30; n += 1) if ((await kit.reserve([tight], 10)).outcome === "held") admitted += 1;
    expect(admitted).toBe(10);
    expect((await kit.reserve([tight], 5)).outcome).toBe("held");
    expect(await kit.reserve([tight], 1)).toMatchObject({ outcome: "denied", available: { nanoUsd: 0 } });
    expect(await kit.onBase("tight")).toEqual({ spent: 0, held: 105 });
  });
});

describe("time", () => {
  it("100 calls in flight at the end of a window are settled in it, and the next window starts with nothing", async () => {
    const kit = leaseKit();
    kit.advance(windowAt(DAY.window, kit.baseClock.now()).endMs! - kit.baseClock.now() - 20_000);
    const oldId = windowAt(DAY.window, kit.baseClock.now()).id;
    await warm(kit, [DAY]);
    const calls = await Promise.all(Array.from({ length: 100 }, () => kit.hold([DAY], 10)));
    for (let n = 0; n < 60; n += 1) {
      kit.advance(500);
      await kit.tick();
    }
    const next = await kit.hold([DAY], 10);
    expect(next.windows[0]!.id).not.toBe(oldId);
    const listed = (await kit.store.balances({})).balances.map(({ window, held }) => [
      window.id,
      held.nanoUsd,
    ]);
    expect(listed).toContainEqual([oldId, 1_000]);
    expect(listed).toContainEqual([next.windows[0]!.id, 10]);
    const posts = vi.spyOn(kit.base, "settle");
    for (const { holdId } of calls) await kit.settle(holdId, 9);
    await kit.settle(next.holdId, 3);
    await kit.store.close();
    const { balances } = await kit.base.balances({});
    expect(balances.map(({ window, spent, held }) => [window.id, spent.nanoUsd, held.nanoUsd])).toEqual([
      [next.windows[0]!.id, 3, 0],
    ]);
    expect(posts.mock.calls.reduce((sum, [{ amounts }]) => sum + amounts.nanoUsd, 0)).toBe(100 * 9 + 3);
  });

  it("nothing is admitted from a slice in the last moments of its window", async () => {
    const kit = leaseKit({ leaseMs: 48 * 3_600_000 });
    await warm(kit, [DAY]);
    kit.advance(windowAt(DAY.window, kit.baseClock.now()).endMs! - kit.baseClock.now() - 10);
    const held = await kit.hold([DAY], 10);
    expect(held.admittedBy).toBeUndefined();
    expect(kit.asked).toContain("reserve day");
  });

  it("slices are renewed while they are in use", async () => {
    const kit = leaseKit({ leaseMs: 10_000 });
    const { holdId } = await kit.hold([ORG], 10);
    for (let n = 0; n < 300; n += 1) {
      kit.advance(200);
      await kit.tick();
    }
    expect(kit.asked).toContain("renew");
    expect((await kit.base.expire({ limit: 100 })).expired).toEqual([]);
    await kit.settle(holdId, 7);
    await kit.store.close();
    expect(await kit.onBase("org")).toEqual({ spent: 7, held: 0 });
  });

  it("a process that stood still for longer than its slices live admits nothing from them", async () => {
    const kit = leaseKit();
    const inFlight = await kit.hold([ORG], 10);
    await warm(kit);
    const free = kit.store.leases().reduce((sum, { granted }) => sum + granted.nanoUsd, 0);
    expect(free).toBeGreaterThan(20);
    kit.advance(11_000);
    while ((await kit.base.expire({ limit: 100 })).more);
    const charged = (await kit.onBase("org")).spent;
    kit.asked.length = 0;
    const held = kit.reserve([ORG], 10);
    expect(held).toBeInstanceOf(Promise);
    expect(await held).toMatchObject({ outcome: "held" });
    expect(kit.asked).toContain("reserve org");
    // What the base charged for the dead slices is corrected to what was spent.
    await kit.settle(inFlight.holdId, 8);
    await kit.settle(((await held) as { holdId: string }).holdId, 6);
    await kit.store.close();
    expect(await kit.onBase("org")).toEqual({ spent: 30 * 4 + 8 + 6, held: 0 });
    expect(charged).toBeGreaterThan(30 * 4);
  });

  it("a slice that had expired before it could be dispatched is of no use", async () => {
    const kit = leaseKit();
    vi.spyOn(kit.base, "dispatch").mockReturnValueOnce({ outcome: "already-resolved", state: "expired" });
    await kit.hold([ORG], 10);
    expect(kit.asked.slice(0, 4)).toEqual(["reserve org", "dispatch", "reserve org", "dispatch"]);
    expect(kit.store.leases()[0]!.granted.nanoUsd).toBe(10);
  });

  it("a slice is dispatched before anything is admitted from it, so that a crash does not give it away", async () => {
    const kit = leaseKit({ leaseMs: 10_000 });
    await kit.hold([ORG], 10);
    kit.baseClock.advance(10_000);
    const { expired } = await kit.base.expire({ limit: 10 });
    expect(expired.map(({ dispatched }) => dispatched)).not.toContain(false);
    expect((await kit.onBase("org")).spent).toBeGreaterThanOrEqual(10);
  });

  it("the clock of the process plays no part but for how much time has passed", async () => {
    const kit = leaseKit();
    kit.clock.advance(-600_000);
    await warm(kit);
    const { reservedAtMs } = await kit.hold([ORG], 10);
    expect(reservedAtMs).toBe(kit.baseClock.now());
  });
});

describe("when the base is out of reach", () => {
  it("calls go on from what is held already, while the slices live; then they fail with the base's error", async () => {
    const kit = leaseKit({ leaseMs: 10_000 });
    await warm(kit);
    kit.failure = () => new Error("connection refused");
    expect(await kit.reserve([ORG], 10)).toMatchObject({ outcome: "held", admittedBy: "lease" });
    kit.advance(8_900);
    await kit.tick();
    expect(await kit.reserve([ORG], 10)).toMatchObject({ outcome: "held", admittedBy: "lease" });
    kit.advance(200);
    await expect(kit.reserve([ORG], 10)).rejects.toThrow("connection refused");
  });

  it("what was spent is posted once it is back, once", async () => {
    const kit = leaseKit();
    await warm(kit);
    const holds = await Promise.all(Array.from({ length: 5 }, () => kit.hold([ORG], 10)));
    kit.failure = () => new Error("connection refused");
    for (const { holdId } of holds) await kit.settle(holdId, 6);
    for (let n = 0; n < 5; n += 1) {
      kit.advance(500);
      await kit.tick();
    }
    kit.failure = undefined;
    kit.advance(500);
    await kit.tick();
    await kit.store.close();
    expect(await kit.onBase("org")).toEqual({ spent: 30 * 4 + 5 * 6, held: 0 });
  });

  it("a slice that the base has forgotten is recorded by an adjustment", async () => {
    const kit = leaseKit();
    const { holdId } = await kit.hold([ORG], 10);
    await kit.settle(holdId, 7);
    const wire = kit.base as { settle: unknown };
    const settle = vi
      .spyOn(wire as typeof kit.base, "settle")
      .mockReturnValueOnce({ outcome: "unknown-hold" });
    kit.advance(1_000);
    await kit.tick();
    expect(settle).toHaveBeenCalled();
    expect((await kit.onBase("org")).spent).toBe(7);
  });

  it("close posts what is left, and says so when it cannot", async () => {
    const kit = leaseKit({ reportMs: 1 });
    const { holdId } = await kit.hold([ORG], 10);
    await kit.settle(holdId, 7);
    kit.failure = () => new Error("connection refused");
    await expect(kit.store.close()).rejects.toThrow(StoreUnavailableError);
    expect(await kit.onBase("org")).toMatchObject({ spent: 0 });
  });

  describe("and does not even answer", () => {
    afterEach(() => void vi.useRealTimers());

    it("nobody waits for ever, and it is asked again when it answers", async () => {
      const kit = leaseKit();
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      kit.silent = true;
      const waiting = expect(kit.reserve([ORG], 10)).rejects.toThrow("has not answered");
      await settleDown();
      await vi.advanceTimersByTimeAsync(5_000);
      await waiting;
      kit.silent = false;
      expect(await kit.reserve([ORG], 10)).toMatchObject({ outcome: "held" });
      const closing = kit.store.close();
      await vi.advanceTimersByTimeAsync(20_000);
      await closing;
      expect((await kit.onBase("org")).held).toBe(0);
    });
  });
});

describe("limits that change", () => {
  it("a lowered limit counts for the next call, whatever is held in advance", async () => {
    const kit = leaseKit();
    await warm(kit);
    const { holdId } = await kit.hold([ORG], 10);
    const lowered = scopeOf("org", { nanoUsd: 130 });
    expect(await kit.reserve([lowered], 1)).toMatchObject({
      outcome: "denied",
      limiting: { spent: { nanoUsd: 120 }, held: { nanoUsd: 10 } },
      available: { nanoUsd: 0 },
    });
    await kit.settle(holdId, 4);
    expect(await kit.reserve([lowered], 6)).toMatchObject({ outcome: "held" });
    expect(await kit.reserve([lowered], 1)).toMatchObject({ outcome: "denied" });
  });

  it("an override opens at once, and what was granted under it is of no use after its end", async () => {
    const kit = leaseKit({ parts: 1, leaseMs: 600_000 });
    const tight = scopeOf("tight", { nanoUsd: 100 });
    await kit.hold([tight], 100);
    expect(await kit.reserve([tight], 1)).toMatchObject({ outcome: "denied" });
    await kit.store.override({ operationId: "o", scope: tight, extra: { nanoUsd: 1_000 }, ttlMs: 60_000 });
    for (let n = 0; n < 20; n += 1) await kit.hold([tight], 10);
    expect((await kit.onBase("tight")).held).toBeGreaterThan(300);
    kit.advance(60_000);
    expect(await kit.reserve([tight], 1)).toMatchObject({
      outcome: "denied",
      limiting: { limits: { nanoUsd: 100 }, held: { nanoUsd: 300 } },
    });
  });
});

describe("holds that nobody resolves", () => {
  it("expire by their policy, are reported once, and can be corrected", async () => {
    const kit = leaseKit();
    const scopes = [ORG, scopeOf("free", {}, { onExpiry: "release" })];
    const { holdId } = await kit.hold(scopes, 10);
    await kit.store.dispatch({ operationId: "d", holdId, ttlMs: 1_000 });
    kit.advance(1_000);
    const { expired } = await kit.store.expire({ limit: 10 });
    expect(expired).toEqual([
      {
        holdId,
        dispatched: true,
        amounts: money(10),
        effects: [
          { scopeKey: "org", windowId: "total", policy: "charge" },
          { scopeKey: "free", windowId: "total", policy: "release" },
        ],
      },
    ]);
    expect((await kit.store.expire({ limit: 10 })).expired).toEqual([]);
    const spent = async (): Promise<unknown> =>
      (await kit.store.balances({})).balances.map((state) => [state.scope.key, state.spent.nanoUsd]);
    expect(await spent()).toEqual([["org", 10]]);
    await kit.store.settle({ operationId: "s", holdId, amounts: money(3) });
    expect(await spent()).toEqual([
      ["free", 3],
      ["org", 3],
    ]);
    await kit.store.close();
    expect(await kit.onBase("org")).toEqual({ spent: 3, held: 0 });
  });

  it("are final after `correctableMs`: the charge is posted and the hold forgotten", async () => {
    const kit = leaseKit({ correctableMs: 5_000 });
    const { holdId } = await kit.hold([ORG], 10);
    await kit.store.dispatch({ operationId: "d", holdId, ttlMs: 1_000 });
    kit.advance(1_000);
    await kit.store.expire({ limit: 10 });
    await kit.tick();
    expect((await kit.onBase("org")).spent).toBe(0);
    kit.advance(5_000);
    await kit.tick();
    await kit.tick();
    expect(await kit.onBase("org")).toEqual({ spent: 10, held: 0 });
    expect(await kit.store.settle({ operationId: "s", holdId, amounts: money(3) })).toEqual({
      outcome: "unknown-hold",
    });
  });

  it("become at close what expiry would make of them; quarantined ones stay held, and nothing else", async () => {
    const kit = leaseKit();
    const kept = scopeOf("kept", { nanoUsd: 1_000_000 }, { onExpiry: "quarantine" });
    const { holdId } = await kit.hold([ORG], 10);
    await kit.store.dispatch({ operationId: "d1", holdId, ttlMs: 1_000 });
    await kit.hold([ORG], 20);
    const quarantined = await kit.hold([kept], 30);
    await kit.store.dispatch({ operationId: "d2", holdId: quarantined.holdId, ttlMs: 1_000 });
    for (let n = 0; n < 5; n += 1) await kit.settle((await kit.hold([kept], 30)).holdId, 1);
    await kit.store.close();
    expect(await kit.onBase("org")).toEqual({ spent: 10, held: 0 });
    expect(await kit.onBase("kept")).toEqual({ spent: 5, held: 30 });
  });
});

describe("a call that takes more than its hold", () => {
  it("is recorded on the base soon, also while other calls rest on the same slice", async () => {
    const kit = leaseKit();
    const tight = scopeOf("tight", { nanoUsd: 1_000 });
    await kit.hold([tight], 10);
    const { holdId } = await kit.hold([tight], 10);
    await kit.settle(holdId, 600);
    await settleDown();
    const { spent, held } = await kit.onBase("tight");
    expect(spent + held).toBeGreaterThanOrEqual(610);
    expect(await kit.reserve([tight], 391)).toMatchObject({
      outcome: "denied",
      limiting: { spent: { nanoUsd: 600 }, held: { nanoUsd: 10 } },
    });
    expect(await kit.reserve([tight], 390)).toMatchObject({ outcome: "held" });
  });
});
