/** @module The leases of this process: which scopes have one, and the regular look after all of them. */
import type { Scope } from "../../ledger/ledger-store.ts";
import { HotScopes } from "./demand.ts";
import type { LeaseSettings } from "./lease-options.ts";
import type { Pool } from "./pool.ts";
import { ScopeLease, type ScopeLeaseParts } from "./scope-lease.ts";

const HOT_SPAN_MS = 1_000;

/** How the scopes of a call are looked at, in their order. */
export interface Route {
  readonly leases: readonly (ScopeLease | undefined)[];
  /** True where the base is to be asked, lease or not. */
  readonly onBase: readonly boolean[];
}

export interface LeaseTableParts extends ScopeLeaseParts {
  /** Runs at every look, after the leases. @returns whether to go on looking when there is no lease */
  readonly onTick: (nowMs: number) => boolean;
}

export class LeaseTable {
  readonly #leases = new Map<string, ScopeLease>();
  readonly #parts: LeaseTableParts;
  readonly #settings: LeaseSettings;
  readonly #hot: HotScopes;
  #stopTicking: (() => void) | undefined;

  constructor(parts: LeaseTableParts) {
    this.#parts = parts;
    this.#settings = parts.settings;
    this.#hot = new HotScopes(this.#settings.hotCalls, HOT_SPAN_MS);
  }

  get isEmpty(): boolean {
    return this.#leases.size === 0;
  }

  get(key: string): ScopeLease | undefined {
    return this.#leases.get(key);
  }

  all(): Iterable<ScopeLease> {
    return this.#leases.values();
  }

  poolsOf(key: string): readonly Pool[] {
    return this.#leases.get(key)?.pools() ?? [];
  }

  /** Undefined when the base is to be asked for the call as it is. */
  routeOf(scopes: readonly Scope[]): Route | undefined {
    let hasLease = false;
    const leases = new Array<ScopeLease | undefined>(scopes.length);
    const onBase = new Array<boolean>(scopes.length);
    for (let i = 0; i < scopes.length; i++) {
      const scope = scopes[i]!;
      let lease = this.#leases.get(scope.key);
      onBase[i] = !isLeasable(scope);
      if (lease?.pool === undefined) {
        const isHot = isLeasable(scope) && this.#isHot(scope);
        if (lease === undefined && isHot) lease = this.#make(scope);
        if (lease !== undefined) lease.isHot = isHot;
        // A scope that has just become hot is not waited for: its first calls go to the base.
        onBase[i] = !isHot || this.#settings.lease === "auto";
      }
      leases[i] = lease;
      if (lease !== undefined) hasLease = true;
    }
    return hasLease ? { leases, onBase } : undefined;
  }

  /** No more looks. */
  stop(): void {
    this.#stopTicking?.();
    this.#stopTicking = undefined;
  }

  #isHot(scope: Scope): boolean {
    const { lease, clock } = this.#settings;
    return lease === "auto" ? this.#hot.note(scope.key, clock.now()) : lease(scope);
  }

  #make(scope: Scope): ScopeLease {
    const made = new ScopeLease(scope, this.#parts);
    this.#leases.set(scope.key, made);
    this.#stopTicking ??= this.#settings.every(this.#settings.reportMs, () => this.#tick());
    return made;
  }

  #tick(): void {
    const nowMs = this.#settings.clock.now();
    for (const [key, lease] of this.#leases) {
      lease.service(nowMs);
      if (lease.isForgettable && this.#parts.desk.postingOf(key).length === 0) this.#leases.delete(key);
    }
    const goesOn = this.#parts.onTick(nowMs);
    if (this.#leases.size === 0 && !goesOn) this.stop();
  }
}

/** Rolling windows count by the slice of the reservation, and a slot must be free for others at once. */
function isLeasable(scope: Scope): boolean {
  return scope.window.kind !== "rolling" && scope.limits.concurrentCalls === undefined;
}
