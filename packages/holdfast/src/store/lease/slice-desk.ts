/**
 * @module The errands to the base: taking slices, renewing them, and posting with them what was spent.
 *
 * A slice is dispatched before anything is admitted from it: what it covers may be billed, so if this process dies, it
 * is charged (or what its budget's policy says). Its life is counted from the moment at which the request for it was
 * sent. Nothing that was spent is ever dropped: a settlement is repeated, under the same operation id and with the same
 * amounts, until the base has taken it.
 */
import type { Clock } from "../../kernel/clock.ts";
import { createIdSource } from "../../kernel/id.ts";
import { NO_AMOUNTS, type Amounts } from "../../ledger/amounts.ts";
import type {
  Denied,
  ExpiredHold,
  ExpiryPolicy,
  Held,
  LedgerStore,
  Scope,
} from "../../ledger/ledger-store.ts";
import { withDeadline } from "./deadline.ts";
import type { Slice } from "./pool.ts";
import type { ServerTime } from "./server-time.ts";
import { isZero } from "./sums.ts";

export interface SliceDeskParts {
  readonly base: LedgerStore;
  readonly clock: Clock;
  readonly time: ServerTime;
  readonly leaseMs: number;
  /** How long an errand waits for the base, ms. */
  readonly deadlineMs: number;
  /** Gets the expiries that answers of the base have reported, except those of slices. */
  readonly onExpired: (expired: readonly ExpiredHold[]) => void;
  /** The base has let this slice expire, or has forgotten it. */
  readonly onLost: (slice: Slice) => void;
}

export class SliceDesk {
  readonly #parts: SliceDeskParts;
  readonly #nextId = createIdSource();
  /** Slices that the base may have. */
  readonly #slices = new Map<string, Slice>();
  /** Slices whose settlement the base has not confirmed. */
  readonly posting: Set<Slice> = new Set();
  readonly #errands = new Set<Promise<unknown>>();
  /** Counts the errands, so that a reader can tell whether anything has changed meanwhile. */
  version = 0;

  constructor(parts: SliceDeskParts) {
    this.#parts = parts;
  }

  /** A slice of the scope's current window; undefined when its life was over before it could be used. */
  async take(scope: Scope, amounts: Amounts): Promise<{ slice: Slice; held: Held } | Denied | undefined> {
    const slice: Slice = {
      id: `lease:${this.#nextId()}`,
      scope,
      amounts,
      pool: undefined,
      livesUntilMs: 0,
      countedAs: "held",
      isLost: false,
      isBusy: false,
      posts: undefined,
    };
    this.#slices.set(slice.id, slice);
    try {
      return await this.errand(() => this.#take(slice));
    } catch (cause) {
      // Whether the base has it, or will have it, is not known.
      this.#giveBack(slice);
      throw cause;
    }
  }

  /** Extends the slice's life. A failure is tried again by the next look after the slices. */
  renew(slice: Slice): void {
    if (!slice.isBusy) this.#inBackground(slice, () => this.#renew(slice));
  }

  /** Settles a slice that has been detached from its pool. */
  post(slice: Slice): void {
    this.posting.add(slice);
    this.#inBackground(slice, () => this.#post(slice));
  }

  /** Sends the settlements again that have failed. */
  postAgain(): void {
    for (const slice of this.posting) if (!slice.isBusy) this.post(slice);
  }

  postingOf(key: string): readonly Slice[] {
    return [...this.posting].filter(({ pool }) => pool?.key === key);
  }

  get isQuiet(): boolean {
    return this.#errands.size === 0;
  }

  /** Until no errand is under way that was when this was called. */
  async quiet(): Promise<void> {
    await Promise.allSettled(this.#errands);
  }

  /** Of an answer of the base: what it expired in passing. Slices among it concern nobody else. */
  note(expired: readonly ExpiredHold[] | undefined): void {
    if (expired === undefined) return;
    const others = expired.filter((hold) => {
      const slice = this.#slices.get(hold.holdId);
      if (slice === undefined) return true;
      slice.countedAs = countedAs(hold.effects[0]!.policy);
      slice.isLost = true;
      this.#parts.onLost(slice);
      return false;
    });
    if (others.length > 0) this.#parts.onExpired(others);
  }

  async #take(slice: Slice): Promise<{ slice: Slice; held: Held } | Denied | undefined> {
    const { base, clock, leaseMs, time } = this.#parts;
    const { id, scope, amounts } = slice;
    const sentAtMs = clock.now();
    const held = await base.reserve({
      operationId: id,
      scopes: [scope],
      amounts,
      undispatchedTtlMs: leaseMs,
      reportAvailable: true,
    });
    if (held.outcome === "mismatch") throw new Error("the base store knows the id of a new slice already");
    this.note(held.expired);
    if (held.outcome === "denied") {
      this.#slices.delete(id);
      return held;
    }
    if (slice.posts !== undefined) return this.#giveBack(slice);
    time.learn(held.reservedAtMs, sentAtMs);
    slice.livesUntilMs = clock.now() + leaseMs;
    const dispatched = await base.dispatch({ operationId: `${id}:dispatched`, holdId: id, ttlMs: leaseMs });
    if (slice.posts !== undefined) return this.#giveBack(slice);
    if (dispatched.outcome === "dispatched") return { slice, held };
    this.#slices.delete(id);
    return undefined;
  }

  /** Nobody waits for this slice any more. It is settled for nothing, until the base has answered. */
  #giveBack(slice: Slice): undefined {
    slice.posts = NO_AMOUNTS;
    this.#slices.set(slice.id, slice);
    this.post(slice);
  }

  async #renew(slice: Slice): Promise<void> {
    const { base, clock, leaseMs, onLost } = this.#parts;
    const sentAtMs = clock.now();
    const answer = await base.renew({
      operationId: `${slice.id}:renewed:${this.#nextId()}`,
      holdId: slice.id,
      ttlMs: leaseMs,
    });
    if (answer.outcome === "renewed") {
      slice.livesUntilMs = Math.max(slice.livesUntilMs, sentAtMs + leaseMs);
      return;
    }
    const hasExpired = answer.outcome === "already-resolved" && answer.state === "expired";
    slice.countedAs = hasExpired ? countedAs(slice.scope.onExpiry) : "nothing";
    if ("expired" in answer) this.note(answer.expired);
    slice.isLost = true;
    onLost(slice);
  }

  async #post(slice: Slice): Promise<void> {
    const { base } = this.#parts;
    const amounts = slice.posts ?? NO_AMOUNTS;
    const answer = await base.settle({ operationId: `${slice.id}:posted`, holdId: slice.id, amounts });
    if ("expired" in answer) this.note(answer.expired);
    const isTaken =
      answer.outcome === "settled" || (answer.outcome === "already-resolved" && answer.state === "settled");
    if (!isTaken && !isZero(amounts)) {
      // The base has lost the slice, or somebody has released it: the money is spent all the same.
      const { concurrentCalls: _, ...delta } = amounts;
      await base.adjust({ operationId: `${slice.id}:recorded`, scope: slice.scope, delta });
    }
    this.posting.delete(slice);
    this.#slices.delete(slice.id);
  }

  #inBackground(slice: Slice, errand: () => Promise<void>): void {
    slice.isBusy = true;
    // What failed is seen by those who need the base, and is tried again.
    this.errand(errand)
      .catch(() => undefined)
      .finally(() => {
        slice.isBusy = false;
      });
  }

  /**
   * Runs something that changes the base, so that readers wait for it. A base that does not answer must not keep
   * everything waiting for ever: whatever it does later is found out, since every errand can be repeated.
   */
  errand<T>(errand: () => Promise<T>): Promise<T> {
    this.version += 1;
    const running = withDeadline(errand(), this.#parts.deadlineMs).finally(() => {
      this.version += 1;
      this.#errands.delete(running);
    });
    this.#errands.add(running);
    return running;
  }
}

function countedAs(policy: ExpiryPolicy): Slice["countedAs"] {
  return policy === "charge" ? "spent" : policy === "quarantine" ? "held" : "nothing";
}
