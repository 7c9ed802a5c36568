/** Several processes, faults, crashes and clocks, over one base: the limit holds, and every cent is found again. */
import { DIMENSIONS, type Held, type LedgerStore, type Scope } from "holdfast";
import type { LeaseOptions } from "holdfast/lease";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createWorld, money, onBase, random, scope, settleDown, type Handle, type World } from "./handles.ts";

const LEASE_MS = 10_000;
const OPTIONS: LeaseOptions = { lease: () => true, leaseMs: LEASE_MS, correctableMs: 60_000 };
const LIVES_MS = 3_600_000;

interface Call {
  readonly id: string;
  readonly handle: Handle;
  readonly held: number;
  dispatched: boolean;
}

/** The scopes that the calls are in: one that all are in, and some that only a part of them are in. */
const ORG = scope("org", { limits: { nanoUsd: 2_000, calls: 400 } });
const TEAMS = [
  scope("team-a", { limits: { nanoUsd: 900 } }),
  scope("team-b", { limits: { calls: 120 }, window: { kind: "calendar", unit: "hour", timeZone: "UTC" } }),
];
const SLOTS = scope("slots", { limits: { concurrentCalls: 6 } });

/** Random work: returns what was really spent by calls that were settled, and what is still open. */
class Work {
  readonly world: World;
  readonly open: Call[] = [];
  /** Per scope key: what settled calls took. */
  readonly spent = new Map<string, number>();
  readonly scopesOf = new Map<string, readonly Scope[]>();
  admitted = 0;
  #lastId = 0;

  constructor(world: World) {
    this.world = world;
  }

  async reserve(handle: Handle): Promise<void> {
    const { random: dice } = this.world;
    const nanoUsd = 1 + dice(12);
    const scopes = [ORG];
    if (dice(2) === 0) scopes.push(TEAMS[dice(2)]!);
    if (dice(4) === 0) scopes.push(SLOTS);
    const id = `call-${(this.#lastId += 1)}`;
    const answer = await attempt(() =>
      handle.store.reserve({
        operationId: id,
        scopes,
        amounts: { ...money(nanoUsd), concurrentCalls: 1 },
        undispatchedTtlMs: LIVES_MS,
      }),
    );
    if (answer?.outcome !== "held" || handle.isGone) return;
    this.admitted += 1;
    this.scopesOf.set(id, scopes);
    this.open.push({ id, handle, held: nanoUsd, dispatched: false });
  }

  async resolve(call: Call): Promise<void> {
    const { random: dice } = this.world;
    const { store } = call.handle;
    if (!call.dispatched) {
      const answer = await insist(call.handle, () =>
        store.dispatch({ operationId: `${call.id}:d`, holdId: call.id, ttlMs: LIVES_MS }),
      );
      if (answer === undefined) return;
      expect(answer.outcome).toBe("dispatched");
      call.dispatched = true;
      return;
    }
    this.open.splice(this.open.indexOf(call), 1);
    if (dice(6) === 0) {
      const answer = await insist(call.handle, () =>
        store.release({ operationId: `${call.id}:r`, holdId: call.id }),
      );
      if (answer !== undefined) expect(answer.outcome).toBe("released");
      return;
    }
    const actual = dice(call.held + 1);
    const answer = await insist(call.handle, () =>
      store.settle({ operationId: `${call.id}:s`, holdId: call.id, amounts: money(actual) }),
    );
    if (answer === undefined) return;
    expect(answer).toMatchObject({ outcome: "settled", corrected: false });
    for (const { key } of this.scopesOf.get(call.id)!)
      this.spent.set(key, (this.spent.get(key) ?? 0) + actual);
  }

  async step(): Promise<void> {
    const { handles, random: dice } = this.world;
    const alive = handles.filter((handle) => !handle.isGone);
    const handle = alive[dice(alive.length)]!;
    const what = dice(20);
    if (what < 9) await this.reserve(handle);
    else if (what < 16) {
      const mine = this.open.filter((call) => call.handle === handle);
      if (mine.length > 0) await this.resolve(mine[dice(mine.length)]!);
    } else if (what < 19) handle.tick();
    else this.world.advance([1, 50, 200, 500, 1_000][dice(5)]!);
  }
}

async function attempt<T>(act: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    // The faults that were injected; anything else is a defect.
    expect(String(error)).toMatch(/never arrived|answer lost/);
    return undefined;
  }
}

/** As the guard does: a statement is repeated until the store has taken it. */
async function insist<T>(handle: Handle, act: () => T | Promise<T>): Promise<T | undefined> {
  for (let n = 0; n < 200 && !handle.isGone; n += 1) {
    const answer = await attempt(act);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

async function expectWithinLimits(base: LedgerStore): Promise<void> {
  for (const { scope: of, spent, held, limits } of (await base.balances({})).balances) {
    for (const d of DIMENSIONS) {
      const limit = limits[d] ?? Number.MAX_SAFE_INTEGER;
      expect(spent[d] + held[d], `${of.key} ${d}`).toBeLessThanOrEqual(limit);
    }
  }
}

/** Nothing was admitted without cover: what all calls hold and have spent is never more than the base counts. */
async function expectCovered({ base }: World, work: Work): Promise<void> {
  for (const { key } of [ORG, ...TEAMS]) {
    const { spent, held } = await onBase(base, key);
    const inFlight = work.open
      .filter((call) => !call.handle.isGone && work.scopesOf.get(call.id)!.some((each) => each.key === key))
      .reduce((sum, call) => sum + call.held, 0);
    expect(spent.nanoUsd + held.nanoUsd, key).toBeGreaterThanOrEqual(inFlight + (work.spent.get(key) ?? 0));
  }
}

async function closeAll(world: World): Promise<void> {
  for (const handle of world.handles) {
    if (handle.isGone) continue;
    Object.assign(handle.faults, { lost: 0, unanswered: 0 });
    await handle.store.close();
  }
}

const seeds = fc.integer({ min: 1, max: 2 ** 30 });

describe("several processes over one base", () => {
  it("never pass a limit, and together post exactly what was spent", { timeout: 120_000 }, async () => {
    let admitted = 0;
    await fc.assert(
      fc.asyncProperty(seeds, fc.constantFrom(0, 3), fc.constantFrom(1, 2, 8), async (seed, turns, parts) => {
        const world = createWorld(seed, [0, 0, 0, 0], { ...OPTIONS, parts });
        for (const { faults } of world.handles) faults.turns = turns;
        const work = new Work(world);
        for (let n = 0; n < 150; n += 1) {
          await work.step();
          await expectWithinLimits(world.base);
          await expectCovered(world, work);
        }
        while (work.open.length > 0) await work.resolve(work.open[0]!);
        await closeAll(world);
        for (const { key } of [ORG, ...TEAMS, SLOTS]) {
          const { spent, held } = await onBase(world.base, key);
          expect(held.nanoUsd).toBe(0);
          if (key !== "team-b") expect(spent.nanoUsd, key).toBe(work.spent.get(key) ?? 0);
        }
        admitted += work.admitted;
      }),
      { numRuns: 40 },
    );
    expect(admitted).toBeGreaterThan(1_000);
  });

  it(
    "lose and repeat nothing when operations get lost, before or after they have reached the base",
    {
      timeout: 120_000,
    },
    async () => {
      await fc.assert(
        fc.asyncProperty(seeds, async (seed) => {
          const world = createWorld(seed, [0, 0, 0], OPTIONS);
          for (const { faults } of world.handles) Object.assign(faults, { lost: 8, unanswered: 8, turns: 2 });
          const work = new Work(world);
          for (let n = 0; n < 150; n += 1) {
            await work.step();
            await expectWithinLimits(world.base);
            await expectCovered(world, work);
          }
          for (const { faults } of world.handles) Object.assign(faults, { lost: 0, unanswered: 0 });
          while (work.open.length > 0) await work.resolve(work.open[0]!);
          await closeAll(world);
          // Calls whose answer was lost are held on the base itself, undispatched, until they expire.
          world.advance(LIVES_MS);
          while ((await world.base.expire({ limit: 1_000 })).more);
          for (const { key } of [ORG, TEAMS[0]!]) {
            const { spent, held } = await onBase(world.base, key);
            expect(held.nanoUsd).toBe(0);
            expect(spent.nanoUsd).toBe(work.spent.get(key) ?? 0);
          }
        }),
        { numRuns: 40 },
      );
    },
  );

  it(
    "strand, when one is killed, at most its slices, and only until they expire",
    { timeout: 120_000 },
    async () => {
      let crashes = 0;
      await fc.assert(
        fc.asyncProperty(seeds, async (seed) => {
          const world = createWorld(seed, [0, 0, 0], OPTIONS);
          const work = new Work(world);
          for (let n = 0; n < 80; n += 1) await work.step();
          await settleDown();
          const victim = world.handles[0]!;
          const leases = victim.store.leases().filter(({ scopeKey }) => scopeKey === "org");
          const granted = leases.reduce((sum, lease) => sum + lease.granted.nanoUsd, 0);
          const unposted = leases.reduce((sum, lease) => sum + lease.spent.nanoUsd, 0);
          const direct = work.open
            .filter((call) => call.handle === victim)
            .reduce((sum, call) => sum + call.held, 0);
          victim.crash();
          crashes += 1;
          for (let n = 0; n < 80; n += 1) {
            await work.step();
            await expectWithinLimits(world.base);
          }
          for (const call of work.open.filter((each) => !each.handle.isGone)) {
            while (work.open.includes(call)) await work.resolve(call);
          }
          await settleDown();
          await closeAll(world);
          world.advance(LIVES_MS);
          while ((await world.base.expire({ limit: 1_000 })).more);
          const { spent, held } = await onBase(world.base, "org");
          expect(held.nanoUsd).toBe(0);
          const settled = work.spent.get("org") ?? 0;
          // What it had spent and not posted is in its slices, which are charged; and never more than them.
          expect(spent.nanoUsd).toBeGreaterThanOrEqual(settled);
          expect(spent.nanoUsd).toBeLessThanOrEqual(settled - unposted + granted + direct);
        }),
        { numRuns: 40 },
      );
      expect(crashes).toBeGreaterThan(10);
    },
  );

  it("do the same whatever their clocks say", async () => {
    const run = async (skewsMs: readonly number[]): Promise<unknown> => {
      const world = createWorld(4711, skewsMs, OPTIONS);
      const work = new Work(world);
      for (let n = 0; n < 300; n += 1) await work.step();
      while (work.open.length > 0) await work.resolve(work.open[0]!);
      await closeAll(world);
      return {
        admitted: work.admitted,
        spent: [...work.spent],
        balances: (await world.base.balances({})).balances,
      };
    };
    const minutes = 60_000;
    expect(await run([10 * minutes, -10 * minutes, 3 * minutes])).toEqual(await run([0, 0, 0]));
  });
});

describe("near the limit", () => {
  it("4 processes x 250 calls with money for 100 spend all of it and no more", async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const world = createWorld(seed, [0, 0, 0, 0], OPTIONS);
      for (const { faults } of world.handles) faults.turns = 3;
      const budget = scope("tight", { limits: { nanoUsd: 100 * 1_234_567 + 1 } });
      const answers = await Promise.all(
        world.handles.map(async (handle, process) => {
          const held: Held[] = [];
          for (let n = 0; n < 250; n += 10) {
            const some = await Promise.all(
              Array.from({ length: 10 }, async (_, i) =>
                handle.store.reserve({
                  operationId: `${process}.${n + i}`,
                  scopes: [budget],
                  amounts: money(1_234_567),
                  undispatchedTtlMs: LIVES_MS,
                }),
              ),
            );
            held.push(...some.filter((answer) => answer.outcome === "held"));
            if (world.random(4) === 0) handle.tick();
          }
          return held.length;
        }),
      );
      const admitted = answers.reduce((sum, each) => sum + each, 0);
      expect(admitted).toBeLessThanOrEqual(100);
      expect(admitted).toBeGreaterThanOrEqual(99);
    }
  });

  it("of a large budget all but a thousandth is spendable while all compete for the rest", async () => {
    const calls = 5_000;
    const world = createWorld(7, [0, 0, 0, 0], OPTIONS);
    const dice = random(99);
    const budget = scope("large", { limits: { nanoUsd: calls * 650 } });
    let spent = 0;
    const isDone = world.handles.map(() => false);
    for (let n = 0; isDone.includes(false); n += 1) {
      const process = n % 4;
      if (isDone[process]) continue;
      const { store, tick } = world.handles[process]!;
      const id = `large-${n}`;
      const answer = await store.reserve({
        operationId: id,
        scopes: [budget],
        amounts: money(1_000),
        undispatchedTtlMs: LIVES_MS,
      });
      if (answer.outcome !== "held") {
        isDone[process] = true;
        continue;
      }
      const actual = 300 + dice(700);
      await store.settle({ operationId: `${id}:s`, holdId: id, amounts: money(actual) });
      spent += actual;
      if (n % 400 < 4) {
        tick();
        if (process === 3) world.advance(200);
      }
    }
    expect(spent).toBeLessThanOrEqual(calls * 650);
    expect(spent).toBeGreaterThanOrEqual(calls * 650 * 0.999 - 1_000);
    await closeAll(world);
    expect((await onBase(world.base, "large")).spent.nanoUsd).toBe(spent);
  });
});
