import { describe, expect, it } from "vitest";
import { OperationInvalidError } from "../error/operation-invalid-error.ts";
import type { UsageRecord } from "../meter/usage-record.ts";
import {
  compareRollups,
  groupOf,
  modelOf,
  requireRollupQuery,
  requireUsageQuery,
  requireUsageRecords,
  utcDayOf,
  type UsageRollup,
} from "./usage-ledger.ts";

const RECORD: UsageRecord = {
  id: "r",
  atMs: 0,
  callId: "c",
  requestId: "c",
  attempt: 1,
  holdId: "h",
  admittedBy: "store",
  attribution: { tenant: "acme" },
  provider: "openai",
  endpoint: "chat.completions",
  stream: false,
  requestedModel: "gpt-5-mini",
  servedModel: null,
  requestedServiceTier: null,
  servedServiceTier: null,
  outcome: "complete",
  status: 200,
  providerRequestId: null,
  latencyMs: 1,
  usage: {},
  inputTokens: 0,
  outputTokens: 0,
  usageSource: "provider",
  costNanoUsd: 0,
  heldNanoUsd: 0,
  priceSource: "test",
  priceVersion: "1",
};

describe("utcDayOf", () => {
  it.each([
    [0, "1970-01-01"],
    [86_399_999, "1970-01-01"],
    [86_400_000, "1970-01-02"],
    [Date.UTC(2024, 1, 29, 23, 59, 59, 999), "2024-02-29"],
    [253_402_300_799_999, "9999-12-31"],
  ])("%d is in %s", (atMs, day) => expect(utcDayOf(atMs)).toBe(day));
});

describe("modelOf", () => {
  it("is the model that served, else the one that was asked for", () => {
    expect(modelOf(RECORD)).toBe("gpt-5-mini");
    expect(modelOf({ ...RECORD, servedModel: "gpt-5-mini-2026" })).toBe("gpt-5-mini-2026");
  });
});

describe("rollups", () => {
  it("are ordered by day, then by the group's values, null first", () => {
    const groupBy = ["tenant", "user"];
    const row = (day: string, ...values: (string | null)[]): UsageRollup =>
      ({ day, group: groupOf(groupBy, values) }) as UsageRollup;
    const ordered = [
      row("2026-01-01", null, "b"),
      row("2026-01-01", "a", null),
      row("2026-01-01", "a", "a"),
      row("2026-01-01", "\u{1f4b8}", null),
      row("2026-01-01", "\uffff", null),
      row("2026-01-02", null, null),
    ];
    const sorted = [...ordered].reverse().sort((a, b) => compareRollups(groupBy, a, b));
    expect(sorted).toEqual(ordered);
    expect(compareRollups(groupBy, ordered[1]!, ordered[1]!)).toBe(0);
  });

  it("have groups in which a tag may have any name", () => {
    const group = groupOf(["__proto__", "constructor", "missing"], ["a", null]);
    expect(Object.keys(group)).toEqual(["__proto__", "constructor", "missing"]);
    expect(group["__proto__"]).toBe("a");
    expect(group["missing"]).toBeNull();
    expect(Object.getPrototypeOf(group)).toBeNull();
  });
});

describe("what is refused", () => {
  const refused = (act: () => void): void => expect(act).toThrow(OperationInvalidError);

  it.each(["attempt", "inputTokens", "outputTokens", "costNanoUsd", "heldNanoUsd"])(
    "a record whose %s is no count",
    (name) => {
      for (const value of [-1, 0.5, NaN, 2 ** 53, "1", null, undefined]) {
        refused(() => requireUsageRecords([RECORD, { ...RECORD, [name]: value }]));
      }
    },
  );

  it("a record without an id, an instant, or with a tag that is no text", () => {
    for (const bad of [
      { id: "" },
      { id: 5 },
      { callId: "" },
      { provider: undefined },
      { requestedModel: null },
      { atMs: -1 },
      { atMs: 253_402_300_800_000 },
      { atMs: 0.5 },
      { attribution: { tenant: 5 } },
      { attribution: { tenant: null } },
    ]) {
      refused(() => requireUsageRecords([{ ...RECORD, ...bad } as UsageRecord]));
    }
    requireUsageRecords([RECORD, { ...RECORD, attribution: { tenant: undefined } }]);
  });

  it("a query that makes no sense", () => {
    for (const bad of [
      { limit: 0 },
      { limit: 1.5 },
      { fromMs: NaN },
      { toMs: "5" },
      { provider: null },
      { model: 5 },
      { tags: { tenant: 5 } },
      { after: { atMs: -1, id: "" } },
      { after: { atMs: 1, id: null } },
    ]) {
      refused(() => requireUsageQuery(bad as object));
    }
    requireUsageQuery({ tags: { tenant: null }, after: { atMs: 0, id: "" } });
  });

  it("groups without end, or named twice", () => {
    refused(() => requireRollupQuery({ groupBy: ["a", "b", "a"] }));
    refused(() => requireRollupQuery({ groupBy: "abcdefghi".split("") }));
    refused(() => requireRollupQuery({ groupBy: [5 as unknown as string] }));
    requireRollupQuery({ groupBy: "abcdefgh".split("") });
  });
});
