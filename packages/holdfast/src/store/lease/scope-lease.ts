/**
 * @module Everything that this process knows of leasing one scope: its pool, who waits for it, and what was asked for.
 */
import { DIMENSIONS, NO_AMOUNTS, type Amounts, type Limits } from "../../ledger/amounts.ts";
import { exceeds } from "../../ledger/admission.ts";
import type { Denied, Held, Scope } from "../../ledger/ledger-store.ts";
import { Demand } from "./demand.ts";
import { sameAmounts } from "../../ledger/operation-checks.ts";
import type { LeaseSettings } from "./lease-options.ts";
import { endWith, isNearEnd, isPast, limitUse, revalidate } from "./pool-life.ts";
import { Pool, type Slice } from "./pool.ts";
import type { ServerTime } from "./server-time.ts";
import type { SliceDesk } from "./slice-desk.ts";
import { sliceSize } from "./slice-size.ts";
import { add, isZero, zero } from "./sums.ts";

/** A slice is renewed when less than this part of its life is left. */
const RENEW_BELOW = 0.6;
/** Questions to the base for one call and scope. */
const ASKS_MAX = 4;

/** What a call can count on in one scope: its pool, or only the base itself. */
export type Cover = "pool" | "base";

export interface ScopeLeaseParts {
  readonly settings: LeaseSettings;
  readonly desk: SliceDesk;
  readonly time: ServerTime;
  /** The base's times at which overrides of this scope end that this process has given. */
  readonly overrideEnds: (key: string) => readonly number[];
}

export class ScopeLease {
  readonly demand: Demand;
  /** As of the last call. */
  scope: Scope;
  pool: Pool | undefined;
  /** Whether a pool is worth its while. */
  isHot = true;
  /** Pools whose window or slices are over, until all is posted. */
  readonly retired: Set<Pool> = new Set();
  /** Calls on the slow path and what they need, in the order in which they came. */
  readonly waiting: Set<{ readonly amounts: Amounts }> = new Set();
  readonly #parts: ScopeLeaseParts;
  /** What was free on the base when it last said so. */
  #available: Limits | undefined;
  /** Until then little is free, and calls go to the base itself. Process time. */
  #scarceUntilMs: number = -Infinity;
  /** Until then nothing is asked for in the background. Process time. */
  #restUntilMs: number = -Infinity;
  #asking: Promise<unknown> | undefined;
  /** The end of the last window in which a slice was had, by the base's time. */
  #endsAtMs: number | null = null;
  #exchangedAtMs = -Infinity;

  constructor(scope: Scope, parts: ScopeLeaseParts) {
    this.scope = scope;
    this.#parts = parts;
    this.demand = new Demand(parts.settings.clock.now());
  }

  /** The pool, if something may be admitted from it now. */
  usablePool(nowMs: number): Pool | undefined {
    const { pool } = this;
    if (pool === undefined || nowMs < pool.usableUntilMs) return pool;
    this.retire();
    return undefined;
  }

  /** Whether a new call may simply take: nobody waits, nothing has to be asked. */
  isReady(scope: Scope, amounts: Amounts, nowMs: number): boolean {
    const { pool } = this;
    return (
      pool !== undefined &&
      nowMs < pool.usableUntilMs &&
      this.waiting.size === 0 &&
      pool.isValidFor(scope, nowMs) &&
      pool.fits(amounts)
    );
  }

  /** Nothing is admitted from the pool any more; what it covers stays covered until it is posted. */
  retire(): void {
    if (this.pool === undefined) return;
    this.retired.add(this.pool);
    this.pool = undefined;
  }

  /** More is counted on the base than it has admitted: what is free here has to be asked for again. */
  invalidate(): void {
    for (const pool of this.#pools()) pool.validFor = undefined;
  }

  /** After an override or an adjustment, what was free says nothing any more. */
  forgetAvailable(): void {
    this.#available = undefined;
    this.#scarceUntilMs = -Infinity;
    this.#restUntilMs = -Infinity;
    if (this.pool !== undefined) this.#limitUse(this.pool);
  }

  /**
   * Finds cover for a call that could not simply take. On `"pool"`, the pool has room for it now, and what is free there
   * may be used under the call's limits.
   *
   * @throws what the base throws: without it, nothing can be said.
   */
  async cover(scope: Scope, need: Amounts): Promise<Cover> {
    const cover = await this.#findCover(scope, need);
    if (cover === "base") await this.yieldToBase();
    return cover;
  }

  /**
   * Before the base is asked for a call itself: what lies in slices that nobody here can use must not be the reason of a
   * denial, and the base must know of calls that took more than their holds.
   *
   * @throws what the base throws.
   */
  async yieldToBase(): Promise<void> {
    await this.#returnUnneeded(true);
    let isPosting = false;
    for (const pool of this.#pools()) {
      const isStranded = pool !== this.pool && pool.hasFree;
      if (!isStranded && !pool.isOverrun) continue;
      isPosting = true;
      if (pool.isOverrun) await this.#exchangeOverrun(pool);
      else await this.#exchangeNow(pool, NO_AMOUNTS);
    }
    if (isPosting) await this.#parts.desk.quiet();
  }

  async #findCover(scope: Scope, need: Amounts): Promise<Cover> {
    const { clock, reportMs } = this.#parts.settings;
    this.scope = scope;
    let hasWaited = false;
    for (let asks = 0; asks < ASKS_MAX;) {
      if (this.#asking !== undefined) {
        await this.#asking;
        continue;
      }
      const pool = this.usablePool(clock.now());
      const isValid = pool === undefined || pool.isValidFor(scope, clock.now());
      if (pool !== undefined && isValid && pool.fits(need)) return "pool";
      if (isNearEnd(this.#endsAtMs, this.#parts.time)) return "base";
      // Somebody else may be asking by then.
      if ((await this.#returnUnneeded(isValid)) || this.#asking !== undefined) continue;
      const isScarce = clock.now() < this.#scarceUntilMs && pool?.hasFree !== true;
      if (!isScarce) {
        asks += 1;
        const before = lacks(pool, need);
        const answer = await this.#single(() =>
          isValid ? this.#grow(scope, need) : this.#revalidate(scope, need),
        );
        if (answer === "allowed") return "pool";
        if (answer === "granted") continue;
        const after = lacks(this.usablePool(clock.now()), need);
        // Something has come back while the base was asked.
        if (DIMENSIONS.some((d) => after[d] < before[d])) continue;
        if (answer === "denied") {
          this.#scarceUntilMs = clock.now() + reportMs;
          // What is free here is too little for this call, and may complete one elsewhere.
          if (this.pool !== undefined && this.pool.tentative.size === 0) this.#post(this.pool, NO_AMOUNTS);
        }
      }
      const tentative = this.pool?.tentative ?? new Set();
      if (hasWaited || tentative.size === 0) return "base";
      // What is only tried here may come back in a moment, and must not be the reason of a denial.
      hasWaited = true;
      await Promise.allSettled(tentative);
    }
    return "base";
  }

  /** Asks for more before the pool is empty. */
  refillInBackground(): void {
    const { clock, reportMs } = this.#parts.settings;
    const nowMs = clock.now();
    if (this.#asking !== undefined || nowMs < this.#restUntilMs || nowMs < this.#scarceUntilMs) return;
    if (isNearEnd(this.#endsAtMs, this.#parts.time)) return;
    this.#single(() => this.#grow(this.scope, NO_AMOUNTS)).then(
      (answer) => {
        if (answer !== "granted") this.#restUntilMs = clock.now() + reportMs;
      },
      () => {
        this.#restUntilMs = clock.now() + reportMs;
      },
    );
  }

  /** One look after the pools: what is due is renewed, posted, returned, exchanged or asked for. */
  service(nowMs: number): void {
    const { settings, desk } = this.#parts;
    this.demand.roll(nowMs, settings.reportMs);
    if (this.pool !== undefined) this.#limitUse(this.pool);
    const isIdle = this.waiting.size === 0 && nowMs - this.demand.lastAtMs >= settings.idleMs;
    const pool = this.usablePool(nowMs);
    if (pool !== undefined) pool.lowWater = isIdle ? NO_AMOUNTS : this.#lowWater(nowMs);
    const keepFree = pool === undefined || isIdle ? NO_AMOUNTS : this.#target(nowMs);
    for (const each of this.#pools()) {
      for (const slice of each.slices) {
        if (!slice.isLost && slice.livesUntilMs - nowMs < settings.leaseMs * RENEW_BELOW) desk.renew(slice);
      }
      this.#post(each, each === pool ? keepFree : NO_AMOUNTS);
      if (each.isOverrun) this.postOverrun(each);
      else this.#exchange(each, each === pool ? keepFree : NO_AMOUNTS, nowMs);
    }
    for (const each of this.retired) if (each.slices.length === 0) this.retired.delete(each);
    if (pool !== undefined && pool.slices.length === 0) this.pool = undefined;
    if (this.pool?.isLow === true) this.refillInBackground();
  }

  /** A call took more than its hold: the base has to know soon. */
  postOverrun(pool: Pool): void {
    if (this.#asking === undefined) this.#exchangeOverrun(pool).catch(() => undefined);
  }

  /** With a slice of nothing, if no other can be spared. */
  async #exchangeOverrun(pool: Pool): Promise<void> {
    this.#post(pool, this.#keepFree(pool));
    if (pool.isOverrun) await this.#exchangeNow(pool, this.#keepFree(pool), NO_AMOUNTS);
  }

  /** Posts and returns whatever can be. */
  async returnAll(): Promise<void> {
    this.retire();
    for (const pool of this.retired) {
      this.#post(pool, NO_AMOUNTS);
      if (pool.slices.length === 0) this.retired.delete(pool);
      else if (pool.hasFree) {
        // Quarantined: no more than that stays on the base.
        const exact = { ...pool.covered };
        const isTaken = await this.#take(this.scope, exact, pool).catch(() => "lost");
        if (isTaken === "granted") this.#post(pool, NO_AMOUNTS);
      }
    }
    await this.#parts.desk.quiet();
  }

  get isForgettable(): boolean {
    return (
      this.pool === undefined &&
      this.retired.size === 0 &&
      this.waiting.size === 0 &&
      this.#asking === undefined &&
      this.#parts.settings.clock.now() - this.demand.lastAtMs > 10 * this.#parts.settings.horizonMs
    );
  }

  pools(): readonly Pool[] {
    return this.#pools();
  }

  #pools(): Pool[] {
    return this.pool === undefined ? [...this.retired] : [this.pool, ...this.retired];
  }

  async #single<T>(ask: () => Promise<T>): Promise<T> {
    const asking = ask().finally(() => {
      this.#asking = undefined;
    });
    this.#asking = asking;
    return asking;
  }

  /**
   * Money that lies in slices which nobody needs must not be the reason of a denial.
   *
   * @returns true when something was given back.
   */
  async #returnUnneeded(isValid: boolean): Promise<boolean> {
    let hasPosted = false;
    for (const pool of this.retired) hasPosted = this.#post(pool, NO_AMOUNTS) || hasPosted;
    if (!isValid && this.pool !== undefined) hasPosted = this.#post(this.pool, NO_AMOUNTS) || hasPosted;
    if (hasPosted) await this.#parts.desk.quiet();
    return hasPosted;
  }

  /** Asks for a slice by demand, that at least covers what the call lacks. */
  async #grow(scope: Scope, need: Amounts): Promise<"granted" | "denied" | "scarce"> {
    const { settings } = this.#parts;
    const isForeground = !isZero(need);
    for (let round = 0; round < 3; round += 1) {
      const pool = this.usablePool(settings.clock.now());
      const lacking = lacks(pool, need);
      if (isForeground && pool !== undefined) this.demand.ranDry();
      if (isForeground && pool?.fits(need) === true) return "granted";
      const size = sliceSize({
        need: lacking,
        target: this.#target(settings.clock.now()),
        free: pool?.free() ?? NO_AMOUNTS,
        average: this.demand.average(),
        available: round < 2 ? this.#available : undefined,
        parts: settings.parts,
      });
      const amounts = isForeground || this.#available !== undefined ? size.amounts : this.demand.average();
      if (!isForeground && isZero(amounts)) return "scarce";
      if (size.isScarce && pool?.hasFree !== true) {
        // One by one, from the base itself; now and then one asks again.
        this.#scarceUntilMs = settings.clock.now() + settings.reportMs;
        this.#available = undefined;
        return "scarce";
      }
      const answer = await this.#take(scope, amounts);
      if (answer === "granted") return "granted";
      if (answer !== "lost" && !isForeground) return "denied";
      if (answer !== "lost" && sameAmounts(amounts, lacking)) return "denied";
    }
    return "denied";
  }

  /**
   * The limits are not those under which the pool was filled. Whether a call fits under the new ones is a question to
   * the base: it holds the call's need anew, or says what it counts; of that, what is free here is not really in use.
   */
  async #revalidate(scope: Scope, need: Amounts): Promise<"allowed" | "granted" | "denied"> {
    const answer = await this.#take(scope, need);
    if (answer === "granted") return "allowed";
    if (answer === "lost") return "granted";
    const pool = this.usablePool(this.#parts.settings.clock.now());
    if (pool === undefined || answer.limiting.window.id !== pool.window.id) return "granted";
    const { spent, held, limits } = answer.limiting;
    const free = pool.free();
    const isWithin = DIMENSIONS.every(
      (d) => !exceeds(limits[d], spent[d], held[d] - Math.max(0, free[d]), need[d]),
    );
    if (!isWithin) return "denied";
    if (pool.fits(need)) return "allowed";
    const rest = await this.#take(scope, lacks(pool, need));
    if (rest === "granted") return pool === this.pool && pool.fits(need) ? "allowed" : "granted";
    return rest === "lost" ? "granted" : "denied";
  }

  async #take(scope: Scope, amounts: Amounts, target?: Pool): Promise<"granted" | "lost" | Denied> {
    // An override may have ended by the time of the answer, and still be what has made room.
    const overrideEnds = this.#parts.overrideEnds(scope.key);
    const answer = await this.#parts.desk.take(scope, amounts);
    if (answer === undefined) return "lost";
    if ("outcome" in answer) {
      this.#available = answer.available;
      return answer;
    }
    this.#available = answer.held.available;
    endWith(this.#attach(answer.slice, answer.held, target), overrideEnds, this.#parts.time);
    return "granted";
  }

  #attach(slice: Slice, held: Held, target: Pool | undefined): Pool {
    const window = held.windows[0]!;
    this.#endsAtMs = window.endMs;
    const { scope } = slice;
    const nowMs = this.#parts.settings.clock.now();
    let pool = target?.window.id === window.id ? target : this.usablePool(nowMs);
    if (pool === undefined || pool.window.id !== window.id) {
      this.retire();
      pool = new Pool(scope, window);
      pool.validFor = scope;
      this.pool = pool;
    } else if (!pool.isValidFor(scope, nowMs)) {
      revalidate(pool, slice, held);
    }
    pool.attach(slice);
    this.#limitUse(pool);
    if (pool === this.pool) pool.lowWater = this.#lowWater(nowMs);
    return pool;
  }

  #limitUse(pool: Pool): void {
    const { settings, time, overrideEnds } = this.#parts;
    limitUse(pool, settings.leaseMs, time);
    endWith(pool, overrideEnds(pool.key), time);
  }

  /** @returns true when something was sent. */
  #post(pool: Pool, keepFree: Amounts): boolean {
    let hasPosted = false;
    for (const slice of pool.slices.slice()) {
      if (!pool.detach(slice, keepFree)) continue;
      this.#parts.desk.post(slice);
      hasPosted = true;
    }
    if (pool.slices.length > 0) this.#limitUse(pool);
    return hasPosted;
  }

  /**
   * Spent money and unused money can be pinned by calls in flight that rest on the same slice. Then a new slice takes
   * over what is in use, so that the old one can be settled.
   */
  #exchange(pool: Pool, keepFree: Amounts, nowMs: number): void {
    const { settings } = this.#parts;
    const isPinned = pool.slices.length > 0 && (pool.hasUnposted || (isZero(keepFree) && pool.hasFree));
    if (!isPinned || this.#asking !== undefined || nowMs - this.#exchangedAtMs < settings.horizonMs) return;
    if (isPast(pool, this.#parts.time)) return;
    const amounts = sum(pool.covered, keepFree);
    const isTooLarge = DIMENSIONS.some((d) => {
      const available = this.#available?.[d];
      return available !== undefined && amounts[d] > available / (isZero(keepFree) ? 1 : settings.parts);
    });
    if (isTooLarge) return;
    this.#exchangedAtMs = nowMs;
    this.#exchangeNow(pool, keepFree).catch(() => undefined);
  }

  async #exchangeNow(
    pool: Pool,
    keepFree: Amounts,
    amounts: Amounts = sum(pool.covered, keepFree),
  ): Promise<void> {
    while (this.#asking !== undefined) await this.#asking;
    if (pool.slices.length === 0 || isPast(pool, this.#parts.time)) return;
    await this.#single(async () => {
      if ((await this.#take(this.scope, amounts, pool)) === "granted") this.#post(pool, keepFree);
    });
  }

  #keepFree(pool: Pool): Amounts {
    return pool === this.pool ? this.#target(this.#parts.settings.clock.now()) : NO_AMOUNTS;
  }

  /** What the pool should have free: the demand of the horizon, and what those who wait need. */
  #target(nowMs: number): Amounts {
    const { horizonMs, reportMs } = this.#parts.settings;
    const calls = Math.max(1, this.demand.callsWithin(horizonMs, reportMs, nowMs));
    const average = this.demand.average();
    const target = zero();
    for (const d of DIMENSIONS) target[d] = Math.min(Number.MAX_SAFE_INTEGER, average[d] * calls);
    for (const { amounts } of this.waiting) add(target, amounts);
    return target;
  }

  #lowWater(nowMs: number): Amounts {
    const target = this.#target(nowMs);
    const low = zero();
    for (const d of DIMENSIONS) low[d] = Math.ceil(target[d] / 2);
    return low;
  }
}

function lacks(pool: Pool | undefined, need: Amounts): Amounts {
  const free = pool?.free() ?? NO_AMOUNTS;
  const lacking = zero();
  for (const d of DIMENSIONS) {
    lacking[d] = need[d] === 0 ? 0 : Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, need[d] - free[d]));
  }
  return lacking;
}

function sum(a: Amounts, b: Amounts): Amounts {
  const total = zero();
  add(total, a);
  add(total, b);
  return total;
}
