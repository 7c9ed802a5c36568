/**
 * @module The life of a hold, as a table.
 *
 *   reserved --dispatch--> dispatched --settle--> settled
 *      |                       |
 *      +--release--> released  +--expire--> expired | quarantined --settle--> settled
 *      +--expire --> expired                             |
 *                                                        +--release--> released
 *
 * Every hold leaves "held" exactly once. A settlement is also accepted from an expired hold, once: it corrects the
 * charge that expiry assumed. Any other second resolution changes nothing.
 */

export type HoldState = "reserved" | "dispatched" | "settled" | "released" | "expired" | "quarantined";

export type HoldVerb = "dispatch" | "settle" | "release" | "renew" | "expire";

/** What a verb does to a hold in a state: the next state, or why nothing happens. */
export type HoldTransition =
  | { readonly allowed: true; readonly next: HoldState }
  | { readonly allowed: false; readonly resolvedAs: "settled" | "released" | "expired" };

const REFUSED_SETTLED: HoldTransition = { allowed: false, resolvedAs: "settled" };
const REFUSED_RELEASED: HoldTransition = { allowed: false, resolvedAs: "released" };
const REFUSED_EXPIRED: HoldTransition = { allowed: false, resolvedAs: "expired" };
const to = (next: HoldState): HoldTransition => ({ allowed: true, next });

const TABLE: Readonly<Record<HoldState, Readonly<Record<HoldVerb, HoldTransition>>>> = {
  reserved: {
    dispatch: to("dispatched"),
    // A store may be told of the settlement before it was told of the dispatch: money that was spent is recorded.
    settle: to("settled"),
    release: to("released"),
    renew: to("reserved"),
    expire: to("expired"),
  },
  dispatched: {
    dispatch: to("dispatched"),
    settle: to("settled"),
    release: to("released"),
    renew: to("dispatched"),
    expire: to("expired"),
  },
  quarantined: {
    dispatch: REFUSED_EXPIRED,
    settle: to("settled"),
    release: to("released"),
    renew: REFUSED_EXPIRED,
    expire: REFUSED_EXPIRED,
  },
  expired: {
    dispatch: REFUSED_EXPIRED,
    settle: to("settled"),
    release: REFUSED_EXPIRED,
    renew: REFUSED_EXPIRED,
    expire: REFUSED_EXPIRED,
  },
  settled: {
    dispatch: REFUSED_SETTLED,
    settle: REFUSED_SETTLED,
    release: REFUSED_SETTLED,
    renew: REFUSED_SETTLED,
    expire: REFUSED_SETTLED,
  },
  released: {
    dispatch: REFUSED_RELEASED,
    settle: REFUSED_RELEASED,
    release: REFUSED_RELEASED,
    renew: REFUSED_RELEASED,
    expire: REFUSED_RELEASED,
  },
};

export function holdTransition(state: HoldState, verb: HoldVerb): HoldTransition {
  return TABLE[state][verb];
}
