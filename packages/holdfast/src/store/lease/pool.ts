/**
 * @module The slices of one scope in one window, and what this process does with them.
 *
 * In every dimension, at all times: what is granted on the base covers what is held here plus what was spent here and
 * is not posted yet. So what the base counts is never less than the truth, whoever asks it. Only a call that took more
 * than its hold can break this, until the excess is posted, as it would on the base itself.
 */
import type { Window } from "../../kernel/window.ts";
import {
  DIMENSIONS,
  NO_AMOUNTS,
  type Amounts,
  type Dimension,
  type MutableAmounts,
} from "../../ledger/amounts.ts";
import type { ExpiryPolicy, Scope } from "../../ledger/ledger-store.ts";
import { add, addSpent, subtract, zero } from "./sums.ts";

/** An ordinary hold on the base, taken in advance. */
export interface Slice {
  readonly id: string;
  readonly scope: Scope;
  readonly amounts: Amounts;
  /** Undefined when nobody knows whether the base has it: it is only to be given back. */
  pool: Pool | undefined;
  /** Process time until which the base certainly keeps it, ms. */
  livesUntilMs: number;
  /** How the base counts it: a slice that ran out of life is what its scope's policy made of it. */
  countedAs: "held" | "spent" | "nothing";
  /** The base has let it expire. It still covers what rests on it, but nothing more is admitted from it. */
  isLost: boolean;
  /** A renewal or the settlement is under way. */
  isBusy: boolean;
  /** What its settlement posts, fixed when it is first sent. */
  posts: Amounts | undefined;
}

export class Pool {
  readonly key: string;
  readonly window: Window;
  /** Oldest first. */
  readonly slices: Slice[] = [];
  readonly granted: MutableAmounts = zero();
  /** Live and quarantined holds, and the charges of expired ones that may still be corrected. */
  readonly covered: MutableAmounts = zero();
  /** Of what is covered: such charges. They show as spent. */
  readonly kept: MutableAmounts = zero();
  /** Final, and not yet posted to the base. */
  readonly unposted: MutableAmounts = zero();
  /** Holds that may still post here; as long as there are any, one slice stays, to post with. */
  anchors = 0;
  /** Holds taken here whose other scopes the base is being asked for; they may be given back in a moment. */
  readonly tentative: Set<Promise<unknown>> = new Set();
  /** The scope that what is free was granted for; undefined when its limits are not in force any more. */
  validFor: Scope | undefined;
  /** Process time at which an override ends under which some of it may have been granted. */
  validUntilMs: number = Infinity;
  /** Process time from which nothing may be admitted any more: the window or a slice may be over. */
  usableUntilMs: number = Infinity;
  /** Below this, more is asked for in the background. */
  lowWater: Amounts = NO_AMOUNTS;

  constructor(scope: Scope, window: Window) {
    this.key = scope.key;
    this.window = window;
  }

  /** Asking for nothing always fits. */
  fits(amounts: Amounts): boolean {
    const { granted, covered, unposted } = this;
    return (
      (amounts.nanoUsd === 0 || amounts.nanoUsd <= granted.nanoUsd - covered.nanoUsd - unposted.nanoUsd) &&
      (amounts.calls === 0 || amounts.calls <= granted.calls - covered.calls - unposted.calls) &&
      (amounts.concurrentCalls === 0 ||
        amounts.concurrentCalls <= granted.concurrentCalls - covered.concurrentCalls) &&
      (amounts.inputTokens === 0 ||
        amounts.inputTokens <= granted.inputTokens - covered.inputTokens - unposted.inputTokens) &&
      (amounts.outputTokens === 0 ||
        amounts.outputTokens <= granted.outputTokens - covered.outputTokens - unposted.outputTokens) &&
      (amounts.totalTokens === 0 ||
        amounts.totalTokens <= granted.totalTokens - covered.totalTokens - unposted.totalTokens)
    );
  }

  /** What is granted and not in use; below zero after an overrun. */
  free(): Amounts {
    const free = zero();
    for (const d of DIMENSIONS) free[d] = this.granted[d] - this.covered[d] - this.unposted[d];
    return free;
  }

  get hasFree(): boolean {
    return DIMENSIONS.some((d) => this.granted[d] - this.covered[d] > this.unposted[d]);
  }

  get isLow(): boolean {
    const { granted, covered, unposted, lowWater } = this;
    return (
      granted.nanoUsd - covered.nanoUsd - unposted.nanoUsd < lowWater.nanoUsd ||
      granted.calls - covered.calls - unposted.calls < lowWater.calls ||
      granted.concurrentCalls - covered.concurrentCalls < lowWater.concurrentCalls ||
      granted.inputTokens - covered.inputTokens - unposted.inputTokens < lowWater.inputTokens ||
      granted.outputTokens - covered.outputTokens - unposted.outputTokens < lowWater.outputTokens ||
      granted.totalTokens - covered.totalTokens - unposted.totalTokens < lowWater.totalTokens
    );
  }

  /** More was spent than is granted: the base knows too little until the excess is posted. */
  get isOverrun(): boolean {
    const { granted, covered, unposted } = this;
    return (
      unposted.nanoUsd > granted.nanoUsd - covered.nanoUsd ||
      unposted.calls > granted.calls - covered.calls ||
      unposted.inputTokens > granted.inputTokens - covered.inputTokens ||
      unposted.outputTokens > granted.outputTokens - covered.outputTokens ||
      unposted.totalTokens > granted.totalTokens - covered.totalTokens
    );
  }

  get hasUnposted(): boolean {
    return DIMENSIONS.some((d) => this.unposted[d] > 0);
  }

  /** Whether what is free may be used by a call that comes with these limits. */
  isValidFor(scope: Scope, nowMs: number): boolean {
    const { validFor } = this;
    if (validFor === undefined || nowMs >= this.validUntilMs) return false;
    return validFor === scope || DIMENSIONS.every((d) => validFor.limits[d] === scope.limits[d]);
  }

  take(amounts: Amounts): void {
    this.anchors += 1;
    add(this.covered, amounts);
  }

  release(held: Amounts): void {
    this.anchors -= 1;
    subtract(this.covered, held);
  }

  settle(held: Amounts, actual: Amounts): void {
    this.anchors -= 1;
    subtract(this.covered, held);
    addSpent(this.unposted, actual);
  }

  charge(held: Amounts): void {
    addSpent(this.unposted, held);
  }

  /** A hold has expired. It still anchors the pool, since a late settlement has to be posted here. */
  expire(held: Amounts, policy: ExpiryPolicy): void {
    if (policy === "release") subtract(this.covered, held);
    if (policy !== "charge") return;
    this.covered.concurrentCalls -= held.concurrentCalls;
    addSpent(this.kept, held);
  }

  /** A late settlement: the truth replaces what expiry made of the hold. */
  correct(held: Amounts, policy: ExpiryPolicy, actual: Amounts): void {
    this.#endExpired(held, policy);
    addSpent(this.unposted, actual);
  }

  /** Nobody will settle this expired hold any more: what expiry made of it is final. */
  finalise(held: Amounts, policy: ExpiryPolicy): void {
    addSpent(this.unposted, this.#endExpired(held, policy));
  }

  /** An adjustment takes from a charge that may still be corrected. */
  reduceKept(dimension: Dimension, reduction: number): void {
    this.kept[dimension] -= reduction;
    this.covered[dimension] -= reduction;
  }

  /** What was still charged. An adjustment may have taken from it; then what is missing was never owed. */
  #endExpired(held: Amounts, policy: ExpiryPolicy): Amounts {
    this.anchors -= 1;
    const charged = zero();
    if (policy === "quarantine") subtract(this.covered, held);
    if (policy !== "charge") return charged;
    for (const d of DIMENSIONS) {
      if (d === "concurrentCalls") continue;
      charged[d] = Math.min(held[d], this.kept[d]);
      this.unposted[d] -= Math.min(this.unposted[d], held[d] - charged[d]);
    }
    subtract(this.covered, charged);
    subtract(this.kept, charged);
    return charged;
  }

  attach(slice: Slice): void {
    slice.pool = this;
    this.slices.push(slice);
    add(this.granted, slice.amounts);
  }

  /**
   * Takes out a slice that is not needed: the rest still covers what is held, and leaves `keepFree` to use, or as much
   * as there was. The slice takes along what it can post of what was spent: never more than itself, but for an
   * overrun, so that the base never counts anything twice.
   */
  detach(slice: Slice, keepFree: Amounts): boolean {
    if (this.anchors > 0 && this.slices.length === 1) return false;
    const posts = zero();
    for (const d of DIMENSIONS) {
      const free = this.granted[d] - this.covered[d] - this.unposted[d];
      const overrun = Math.max(0, -free);
      posts[d] = d === "concurrentCalls" ? 0 : Math.min(this.unposted[d], slice.amounts[d] + overrun);
      const left = free - slice.amounts[d] + posts[d];
      if (left < Math.min(free, keepFree[d])) return false;
    }
    this.slices.splice(this.slices.indexOf(slice), 1);
    subtract(this.granted, slice.amounts);
    subtract(this.unposted, posts);
    slice.posts = posts;
    return true;
  }
}
