import { describe, expect, it } from "vitest";
import { leaseKit, money, scopeOf, type LeaseKit } from "../../../test/support/lease-kit.ts";
import type { ReserveResult } from "../../ledger/ledger-store.ts";
import { leased } from "./index.ts";

const LIMIT = 10_000;
const ORG = scopeOf("org", { nanoUsd: LIMIT });
const HOUR_MS = 3_600_000;

/** Several calls, so that slices are held in advance; 30 x 4 are spent. */
async function warm(kit: LeaseKit): Promise<void> {
  for (let n = 0; n < 30; n += 1) await kit.settle((await kit.hold([ORG], 10)).holdId, 4);
  await kit.tick();
}

async function reserveShared(kit: LeaseKit, nanoUsd: number, operationId = "job"): Promise<ReserveResult> {
  const operation = { operationId, scopes: [ORG], amounts: money(nanoUsd), undispatchedTtlMs: HOUR_MS };
  return kit.store.reserve({ ...operation, shared: true });
}

describe("a hold that another process may resolve", () => {
  it("is on the base, where another process settles it", async () => {
    const kit = leaseKit();
    await warm(kit);
    const held = await reserveShared(kit, 10);
    expect(held).toMatchObject({ outcome: "held", holdId: "job" });
    expect(held).not.toMatchObject({ admittedBy: "lease" });
    await kit.store.dispatch({ operationId: "d", holdId: "job", ttlMs: HOUR_MS });
    const other = leased(kit.base, { lease: () => true });
    expect(await other.settle({ operationId: "s", holdId: "job", amounts: money(7) })).toMatchObject({
      outcome: "settled",
      charged: money(7),
    });
    expect(await kit.store.settle({ operationId: "s2", holdId: "job", amounts: money(9) })).toMatchObject({
      outcome: "already-resolved",
    });
  });

  it("outlives the process that made it", async () => {
    const kit = leaseKit();
    await warm(kit);
    await reserveShared(kit, 10);
    await kit.store.dispatch({ operationId: "d", holdId: "job", ttlMs: HOUR_MS });
    await kit.store.close();
    expect(await kit.onBase("org")).toEqual({ spent: 120, held: 10 });
  });

  it("is not denied because of what this process holds in advance", async () => {
    const kit = leaseKit();
    await warm(kit);
    const open = await kit.hold([ORG], 10);
    expect(kit.store.leases()[0]!.granted.nanoUsd).toBeGreaterThan(10);
    const rest = LIMIT - 120 - 10;
    expect(await reserveShared(kit, rest + 1, "too much")).toMatchObject({ outcome: "denied" });
    expect(await reserveShared(kit, rest, "all of it")).toMatchObject({ outcome: "held" });
    expect(await kit.reserve([ORG], 1)).toMatchObject({ outcome: "denied" });
    await kit.settle(open.holdId, 10);
    await kit.store.close();
    expect(await kit.onBase("org")).toEqual({ spent: 130, held: rest });
  });

  it("asked for again is answered as before", async () => {
    const kit = leaseKit();
    await warm(kit);
    await reserveShared(kit, 10);
    expect(await reserveShared(kit, 10)).toMatchObject({ outcome: "held", replayed: true });
    expect(await reserveShared(kit, 11)).toEqual({ outcome: "mismatch" });
    await reserveShared(kit, LIMIT, "denied");
    expect(await reserveShared(kit, LIMIT, "denied")).toMatchObject({ outcome: "denied", replayed: true });
  });
});

it("jobs are kept by the base, if it keeps any", () => {
  const kit = leaseKit();
  expect(kit.store.jobs).toBe(Reflect.get(kit.base, "jobs"));
  const { jobs: _, ...plain } = kit.base;
  expect(leased({ ...plain, name: "plain" } as never).jobs).toBeUndefined();
});
