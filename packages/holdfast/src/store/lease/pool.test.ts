import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amounts, DIMENSIONS, NO_AMOUNTS, type Amounts } from "../../ledger/amounts.ts";
import type { ExpiryPolicy } from "../../ledger/ledger-store.ts";
import { scopeOf } from "../../../test/support/lease-kit.ts";
import { Pool, type Slice } from "./pool.ts";

const SCOPE = scopeOf("org", { nanoUsd: 1_000 });

function slice(n: number, granted: Amounts): Slice {
  return {
    id: `slice-${n}`,
    scope: SCOPE,
    amounts: granted,
    pool: undefined,
    livesUntilMs: Infinity,
    countedAs: "held",
    isLost: false,
    isBusy: false,
    posts: undefined,
  };
}

const money = (nanoUsd: number): Amounts => amounts({ nanoUsd, calls: 1, concurrentCalls: 1 });
const POLICIES: readonly ExpiryPolicy[] = ["charge", "release", "quarantine"];

/** A pool, and beside it what is true: what is held, what was spent, and what the base has been told. */
class Bookkeeper {
  readonly pool = new Pool(SCOPE, { id: "total", startMs: 0, endMs: null });
  readonly live: Amounts[] = [];
  readonly expired: { readonly held: Amounts; readonly policy: ExpiryPolicy }[] = [];
  spent = 0;
  posted = 0;
  #slices = 0;

  /** What the base counts: granted slices and what was posted. */
  get onBase(): number {
    return this.pool.granted.nanoUsd + this.posted;
  }

  get held(): number {
    const quarantined = this.expired.filter(({ policy }) => policy === "quarantine").map(({ held }) => held);
    return [...this.live, ...quarantined].reduce((sum, { nanoUsd }) => sum + nanoUsd, 0);
  }

  get charged(): number {
    return this.expired
      .filter(({ policy }) => policy === "charge")
      .reduce((sum, { held }) => sum + held.nanoUsd, 0);
  }

  step(what: number, size: number, overrun: boolean): void {
    const { pool, live, expired } = this;
    const hold = live[size % Math.max(1, live.length)];
    const late = expired[size % Math.max(1, expired.length)];
    const actual = overrun ? size * 3 : Math.min(size, hold?.nanoUsd ?? late?.held.nanoUsd ?? 0);
    if (what === 0) pool.attach(slice((this.#slices += 1), { ...money(size), calls: 3, concurrentCalls: 3 }));
    if (what <= 2 && pool.fits(money(size))) {
      pool.take(money(size));
      live.push(money(size));
    }
    if (what === 3 && hold !== undefined) {
      live.splice(live.indexOf(hold), 1);
      pool.settle(hold, amounts({ nanoUsd: actual, calls: 1 }));
      this.spent += actual;
    }
    if (what === 4 && hold !== undefined) {
      live.splice(live.indexOf(hold), 1);
      pool.release(hold);
    }
    if (what === 5 && hold !== undefined) {
      const policy = POLICIES[size % 3]!;
      live.splice(live.indexOf(hold), 1);
      pool.expire(hold, policy);
      expired.push({ held: hold, policy });
    }
    if (what === 6 && late !== undefined) {
      expired.splice(expired.indexOf(late), 1);
      pool.correct(late.held, late.policy, amounts({ nanoUsd: actual, calls: 1 }));
      this.spent += actual;
    }
    if (what === 7 && late !== undefined) {
      expired.splice(expired.indexOf(late), 1);
      pool.finalise(late.held, late.policy);
      if (late.policy === "charge") this.spent += late.held.nanoUsd;
    }
    if (what >= 8) {
      const given = pool.slices[size % Math.max(1, pool.slices.length)];
      if (given !== undefined && pool.detach(given, NO_AMOUNTS)) this.posted += given.posts!.nanoUsd;
    }
  }
}

const steps = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 9 }),
    fc.integer({ min: 0, max: 40 }),
    fc.constantFrom(false, false, false, true),
  ),
  { maxLength: 80, size: "max" },
);

describe("a pool", () => {
  it(
    "counts what it covers and has spent, and never lets the base count less than the truth",
    { timeout: 30_000 },
    () => {
      fc.assert(
        fc.property(steps, fc.boolean(), (sequence, overruns) => {
          const books = new Bookkeeper();
          for (const [what, size, overrun] of sequence) {
            books.step(what, size, overrun && overruns);
            const { pool } = books;
            expect(pool.covered.nanoUsd).toBe(books.held + books.charged);
            expect(pool.kept.nanoUsd).toBe(books.charged);
            expect(pool.unposted.nanoUsd + books.posted).toBe(books.spent);
            expect(pool.anchors).toBe(books.live.length + books.expired.length);
            for (const d of DIMENSIONS) expect(pool.unposted[d]).toBeGreaterThanOrEqual(0);
            if (!pool.isOverrun) {
              expect(books.onBase).toBeGreaterThanOrEqual(books.held + books.charged + books.spent);
            }
            if (pool.anchors > 0 && pool.slices.length === 0) expect(pool.granted).toEqual({ ...NO_AMOUNTS });
          }
        }),
        { numRuns: 200 },
      );
    },
  );

  it("posts never more with a slice than the slice, but for an overrun", () => {
    const pool = new Pool(SCOPE, { id: "total", startMs: 0, endMs: null });
    const [first, second] = [slice(1, money(10)), slice(2, money(10))];
    pool.attach(first);
    pool.attach(second);
    pool.take(amounts({ nanoUsd: 18 }));
    pool.settle(amounts({ nanoUsd: 18 }), amounts({ nanoUsd: 18 }));
    expect(pool.detach(first, NO_AMOUNTS)).toBe(true);
    expect(first.posts!.nanoUsd).toBe(10);
    expect(pool.detach(second, NO_AMOUNTS)).toBe(true);
    expect(second.posts!.nanoUsd).toBe(8);
  });

  it("keeps a slice on which calls in flight rest, and the last one as long as a call may still post", () => {
    const pool = new Pool(SCOPE, { id: "total", startMs: 0, endMs: null });
    const only = slice(1, money(10));
    pool.attach(only);
    pool.take(amounts({ nanoUsd: 4 }));
    expect(pool.detach(only, NO_AMOUNTS)).toBe(false);
    pool.expire(amounts({ nanoUsd: 4 }), "release");
    expect(pool.detach(only, NO_AMOUNTS)).toBe(false);
    pool.finalise(amounts({ nanoUsd: 4 }), "release");
    expect(pool.detach(only, NO_AMOUNTS)).toBe(true);
  });
});
