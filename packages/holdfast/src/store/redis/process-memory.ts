/**
 * @module What this process knows of the data, so that it can be told again after a loss: what counters have spent as
 * far as it has seen, its open holds, and the holds that it has lately seen resolved. All of it is bounded.
 */
import type { Window } from "../../kernel/window.ts";
import { DIMENSIONS, NO_AMOUNTS, type Amounts } from "../../ledger/amounts.ts";
import { toKeyText } from "./key-text.ts";
import type { ScopeText } from "./scope-text.ts";

const COUNTERS_KEPT = 20_000;
const OPEN_HOLDS_KEPT = 50_000;
const RESOLVED_HOLDS_KEPT = 4_000;
/** A hold that nobody has resolved so long after its time is forgotten here; the server's record of it is not. */
const OVERDUE_MS = 600_000;

/** The state of a hold as the scripts number it. */
export const LIVE = 1;
export const SETTLED = 4;
export const RELEASED = 5;

export interface Share {
  readonly scope: ScopeText;
  readonly window: Window;
}

export interface OpenHold {
  readonly amounts: Amounts;
  /** As the script stores them. */
  readonly lines: string;
  readonly shares: readonly Share[];
  readonly reservedAtMs: number;
  expiresAtMs: number;
  dispatched: boolean;
}

interface ResolvedHold {
  readonly hold: OpenHold;
  readonly state: number;
  /** As the script stores it. */
  readonly left: string;
}

interface SeenCounter {
  readonly share: Share;
  /** Six numbers. */
  spent: string;
  seenAtMs: number;
}

/** A counter, as the script that restores takes it. */
export interface CounterAnnouncement {
  readonly name: string;
  readonly share: Share;
  readonly values: readonly string[];
}

/** A hold, likewise. */
export interface HoldAnnouncement {
  readonly id: string;
  readonly values: readonly string[];
}

const NOTHING_SPENT = "0,0,0,0,0,0";

export class ProcessMemory {
  readonly #open = new Map<string, OpenHold>();
  readonly #resolved = new Map<string, ResolvedHold>();
  readonly #resolvedOrder = new Ring(RESOLVED_HOLDS_KEPT);
  readonly #counters = new Map<string, SeenCounter>();
  readonly #countersOrder = new Ring(COUNTERS_KEPT);

  get sizes(): { counters: number; openHolds: number; resolvedHolds: number } {
    return { counters: this.#counters.size, openHolds: this.#open.size, resolvedHolds: this.#resolved.size };
  }

  held(
    id: string,
    shares: readonly Share[],
    amounts: Amounts,
    reservedAtMs: number,
    expiresAtMs: number,
  ): void {
    const lines = linesOf(shares);
    this.#open.set(id, { amounts, lines, shares, reservedAtMs, expiresAtMs, dispatched: false });
    if (this.#open.size > OPEN_HOLDS_KEPT) this.#forgetSomeOpen();
  }

  dispatched(id: string, expiresAtMs: number): void {
    const hold = this.#open.get(id);
    if (hold === undefined) return;
    // Said once more, it may have been renewed since. Later than it is does no harm.
    hold.expiresAtMs = hold.dispatched ? Math.max(hold.expiresAtMs, expiresAtMs) : expiresAtMs;
    hold.dispatched = true;
  }

  renewed(id: string, expiresAtMs: number): void {
    const hold = this.#open.get(id);
    if (hold !== undefined) hold.expiresAtMs = expiresAtMs;
  }

  /** A hold of this process, so that a script can read its counters in one step with it. */
  openHold(id: string): OpenHold | undefined {
    return this.#open.get(id);
  }

  /**
   * `held` for a hold that another process reserved: its scopes are not known here. `spent`: of each share, six numbers as text.
   */
  settled(
    operation: { readonly id: string; readonly holdId: string; readonly amounts: string },
    outcome: { readonly corrected: boolean; readonly held: Amounts; readonly spent: readonly string[] },
    nowMs: number,
  ): void {
    const { holdId } = operation;
    const hold = this.#open.get(holdId);
    // Reserved by another process: which counters it was charged to is not known here, so it is not told of as settled.
    // The other one tells of it as open, which counts too much at worst.
    if (hold === undefined) return;
    if (outcome.spent.length < hold.shares.length) {
      // Not known to be among what its counters are announced with: told of as open, it is counted once too often at
      // worst, and as settled it would not be counted at all.
      hold.dispatched = true;
      return;
    }
    for (let i = 0; i < hold.shares.length; i++) {
      this.saw(hold.shares[i]!, outcome.spent[i]!, nowMs);
    }
    const left = `${operation.id}\t${outcome.corrected ? 1 : 0}\t${operation.amounts}`;
    this.#resolve(holdId, { hold, state: SETTLED, left });
  }

  released(operationId: string, holdId: string, nowMs: number): void {
    const hold = this.#open.get(holdId) ?? elsewhere(nowMs);
    this.#resolve(holdId, { hold, state: RELEASED, left: operationId });
  }

  /** Resolved, but not by this process: somebody else may know how. */
  over(id: string): void {
    this.#open.delete(id);
  }

  saw(share: Share, spent: string, nowMs: number): void {
    const name = nameOf(share);
    const seen = this.#counters.get(name);
    if (seen === undefined) {
      const forgotten = this.#countersOrder.push(name);
      if (forgotten !== undefined) this.#counters.delete(forgotten);
      this.#counters.set(name, { share, spent, seenAtMs: nowMs });
    } else if (seen.seenAtMs <= nowMs) {
      seen.spent = spent;
      seen.seenAtMs = nowMs;
    }
  }

  /** What is answered once more may be less than what has been seen since. */
  sawAtLeast(share: Share, spent: string, nowMs: number): void {
    const seen = this.#counters.get(nameOf(share))?.spent.split(",") ?? [];
    const most = spent.split(",").map((amount, d) => Math.max(Number(amount), Number(seen[d] ?? 0)));
    this.saw(share, most.join(","), nowMs);
  }

  forgetOverdue(nowMs: number): void {
    for (const [id, hold] of this.#open) if (hold.expiresAtMs + OVERDUE_MS < nowMs) this.#open.delete(id);
    for (const [name, { share }] of this.#counters) {
      if (share.window.endMs !== null && share.window.endMs + OVERDUE_MS < nowMs) this.#counters.delete(name);
    }
  }

  counterAnnouncements(nowMs: number): CounterAnnouncement[] {
    const all = new Map(this.#counters);
    for (const { shares } of this.#open.values()) {
      for (const share of shares) {
        const name = nameOf(share);
        if (!all.has(name)) all.set(name, { share, spent: NOTHING_SPENT, seenAtMs: nowMs });
      }
    }
    return [...all].map(([name, { share, spent, seenAtMs }]) => {
      const { scope, window } = share;
      const numbers = `[${spent},${seenAtMs}]`;
      return {
        name,
        share,
        values: [scope.ref(window), scope.config, scope.mark, scope.description, numbers],
      };
    });
  }

  holdAnnouncements(): HoldAnnouncement[] {
    const open = [...this.#open].map(([id, hold]) => announcement(id, hold, LIVE, ""));
    const resolved = [...this.#resolved].map(([id, { hold, state, left }]) =>
      announcement(id, hold, state, left),
    );
    return [...open, ...resolved];
  }

  /** Many at a time: finding the oldest entry of a map that is emptied from its front is slow. */
  #forgetSomeOpen(): void {
    let left = OPEN_HOLDS_KEPT / 10;
    for (const id of this.#open.keys()) {
      if (left === 0) return;
      this.#open.delete(id);
      left -= 1;
    }
  }

  #resolve(id: string, resolved: ResolvedHold): void {
    this.#open.delete(id);
    if (!this.#resolved.has(id)) {
      const forgotten = this.#resolvedOrder.push(id);
      if (forgotten !== undefined) this.#resolved.delete(forgotten);
    }
    this.#resolved.set(id, resolved);
  }
}

function announcement(id: string, hold: OpenHold, state: number, left: string): HoldAnnouncement {
  const numbers = [
    state,
    hold.dispatched ? 1 : 0,
    hold.reservedAtMs,
    hold.expiresAtMs,
    ...DIMENSIONS.map((dimension) => hold.amounts[dimension]),
  ];
  return { id: toKeyText(id), values: [JSON.stringify(numbers), hold.lines, left] };
}

function elsewhere(nowMs: number): OpenHold {
  return {
    amounts: NO_AMOUNTS,
    lines: "",
    shares: [],
    reservedAtMs: nowMs,
    expiresAtMs: nowMs,
    dispatched: true,
  };
}

function linesOf(shares: readonly Share[]): string {
  let lines = "";
  for (const { scope, window } of shares) {
    const line = scope.ref(window);
    lines = lines === "" ? line : `${lines}\n${line}`;
  }
  return lines;
}

/** The key of a counter, within the store. */
function nameOf({ scope, window }: Share): string {
  return scope.counter(window);
}

/** The last names that were pushed. */
class Ring {
  readonly #names: (string | undefined)[];
  #position = 0;

  constructor(size: number) {
    this.#names = Array.from({ length: size }, () => undefined);
  }

  /** Gives the one that has to go for it. */
  push(name: string): string | undefined {
    const forgotten = this.#names[this.#position];
    this.#names[this.#position] = name;
    this.#position = (this.#position + 1) % this.#names.length;
    return forgotten;
  }
}
