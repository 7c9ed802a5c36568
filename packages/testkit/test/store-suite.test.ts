import { memoryStore } from "holdfast";
import type { LedgerStore } from "holdfast";
import { describe, expect, it } from "vitest";
import { createFakeClock, type FakeClock } from "../src/fake-clock.ts";
import {
  CAPABILITIES,
  ReferenceModel,
  checkAgainstModel,
  dumpState,
  runCase,
  storeSuite,
  type CreateStore,
} from "../src/store-suite/index.ts";
import { MUTANTS, type Mutant } from "./store-suite-mutants.ts";

/** Half an hour before midnight in Berlin, and a day of 23 hours is next. */
const START = new Date("2026-03-28T22:30:00Z");

function created(make: (clock: FakeClock) => LedgerStore): CreateStore {
  return async () => {
    const clock = createFakeClock(START);
    const store = make(clock);
    return { store, clock, dispose: async () => store.close() };
  };
}

const model = created((clock) => new ReferenceModel(clock));

storeSuite({ name: "reference model", createStore: model });
storeSuite({ name: "memory", createStore: created((clock) => memoryStore({ clock })) });

describe("the suite itself", () => {
  for (const [fault, mutant] of Object.entries(MUTANTS)) {
    it(`catches by the model a store that ${fault}`, { timeout: 60_000 }, async () => {
      await expect(checkAgainstModel(mutated(mutant), { endOnFailure: true })).rejects.toThrow(
        "Property failed",
      );
    });

    it(`catches by a case a store that ${fault}`, { timeout: 60_000 }, async () => {
      expect(await failures(mutated(mutant))).not.toEqual([]);
    });
  }

  it("finds nothing wrong with the model", async () => {
    expect(await failures(model)).toEqual([]);
  });

  it("finds the smallest failing sequence and how to run it again", async () => {
    const failed = checkAgainstModel(mutated(MUTANTS["lets a denial consume"]!), { numRuns: 100 });
    await expect(failed).rejects.toThrow(
      /seed: 20261121, path: "[\d:]+"[^]*Counterexample: \[reserve [^\n]*\]/,
    );
  });

  it("runs on a store whose time passes by itself", { timeout: 30_000 }, async () => {
    const running: CreateStore = async () => ({ store: new ReferenceModel(Date), dispose: async () => {} });
    await checkAgainstModel(running, { numRuns: 50 });
    const skipped: string[] = [];
    const cases = CAPABILITIES.filter(({ name }) =>
      ["dispatch and renew", "overrides"].includes(name),
    ).flatMap((capability) => capability.cases);
    await Promise.all(cases.map((each) => runCase(running, Date.now, each, () => skipped.push(each.title))));
    expect(skipped).toEqual(cases.filter((each) => each.jumps === true).map((each) => each.title));
  });

  it("uses the second handle where there is one, and closes it", async () => {
    const closed: string[] = [];
    const shared: CreateStore = async () => {
      const clock = createFakeClock(START);
      const store = new ReferenceModel(clock);
      const second: LedgerStore = Object.assign(Object.create(null), {
        name: "second",
        reserve: (operation) => store.reserve(operation),
        close: () => void closed.push("second"),
      } satisfies Partial<LedgerStore>);
      return { store, clock, another: async () => second, dispose: async () => {} };
    };
    const race = CAPABILITIES.find(({ name }) => name === "concurrency")!.cases[0]!;
    await runCase(shared, Date.now, race, () => {});
    expect(closed).toEqual(["second"]);
  });

  it("refuses to skip a test that does not exist", () => {
    const skip = [{ reason: "it was renamed", tests: ["reserve: does wonders"] }];
    expect(() => storeSuite({ name: "any", createStore: model, skip })).toThrow("reserve: does wonders");
  });
});

describe("dumpState", () => {
  it("is equal for equal states, whatever the order of events, and leaves out zeros unless asked", async () => {
    const dumps: string[][] = [];
    for (const keys of [
      ["a", "b", "zero"],
      ["zero", "b", "a"],
    ]) {
      const { store } = await model();
      for (const key of keys) {
        const nanoUsd = key === "zero" ? 0 : 5;
        const scope = {
          key,
          budgetId: "x",
          values: {},
          window: { kind: "total" },
          limits: {},
          onExpiry: "charge",
        } as const;
        await store.adjust({ operationId: key, scope, delta: { nanoUsd } });
      }
      dumps.push([
        await dumpState(store),
        await dumpState(store, { zeros: true }),
        await dumpState(store, { pageSize: 1 }),
      ]);
    }
    expect(dumps[0]).toEqual(dumps[1]);
    expect(dumps[0]![0]!.split("\n")).toHaveLength(2);
    expect(dumps[0]![1]!.split("\n")).toHaveLength(3);
    expect(dumps[0]![2]).toBe(dumps[0]![0]);
  });
});

function mutated(mutant: Mutant): CreateStore {
  return created((clock) => mutant(new ReferenceModel(clock), () => clock.now()));
}

/** The titles of all cases that a store fails. */
async function failures(createStore: CreateStore): Promise<string[]> {
  const failed: string[] = [];
  for (const { name, cases } of CAPABILITIES) {
    for (const each of cases) {
      await runCase(createStore, Date.now, each, () => {}).catch(() => failed.push(`${name}: ${each.title}`));
    }
  }
  return failed;
}
