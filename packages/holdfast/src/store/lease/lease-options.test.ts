import { describe, expect, it, vi } from "vitest";
import { money, scopeOf } from "../../../test/support/lease-kit.ts";
import { StoreSetupError } from "../../error/store-setup-error.ts";
import { memoryStore } from "../memory/memory-store.ts";
import { leased, type LeaseOptions } from "./index.ts";

const ORG = scopeOf("org", { nanoUsd: 1_000_000 });

describe("options", () => {
  const base = memoryStore();

  it.each<[string, object]>([
    ["lease", { lease: "always" }],
    ["leaseMs", { leaseMs: 0 }],
    ["leaseMs", { leaseMs: 900 }],
    ["reportMs", { reportMs: 1.5 }],
    ["parts", { parts: -1 }],
    ["hotCalls", { hotCalls: "20" }],
  ])("a bad %s is refused by name: %j", (name, options) => {
    expect(() => leased(base, options as LeaseOptions)).toThrow(StoreSetupError);
    expect(() => leased(base, options as LeaseOptions)).toThrow(name);
  });

  it("the name says what is behind", () => {
    expect(leased(base).name).toBe("memory+lease");
  });

  it("no timer runs before there is something to look after, and none keeps the process alive", async () => {
    const every = vi.spyOn(globalThis, "setInterval");
    const store = leased(base, { lease: () => true });
    expect(every).not.toHaveBeenCalled();
    await store.reserve({ operationId: "r", scopes: [ORG], amounts: money(1), undispatchedTtlMs: 1_000 });
    expect(every).toHaveBeenCalledOnce();
    expect((every.mock.results[0]!.value as NodeJS.Timeout).hasRef()).toBe(false);
    await store.close();
    every.mockRestore();
  });
});
