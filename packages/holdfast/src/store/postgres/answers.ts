/** @module The answers of the function `run` as those of the port. */
import { windowAt, type Window, type WindowSpec } from "../../kernel/window.ts";
import { DIMENSIONS, type Amounts, type Dimension, type Limits } from "../../ledger/amounts.ts";
import type {
  AdjustOperation,
  AlreadyResolved,
  Denied,
  ExpiredHold,
  Held,
  ReserveOperation,
  Scope,
  ScopeState,
  SettleOperation,
  Settled,
} from "../../ledger/ledger-store.ts";
import type { ServerClock } from "../server-clock.ts";
import { policyOf } from "./scope-text.ts";
import { decodeText } from "./text.ts";

/** One entry per dimension, in the order of {@link DIMENSIONS}. */
type Counts = readonly number[];
type LimitCounts = readonly (number | null)[];

interface ExpiredAnswer {
  readonly id: string;
  readonly dispatched: boolean;
  readonly amounts: Counts;
  readonly effects: readonly (readonly [key: string, windowId: string, policy: string])[];
}

/** Twelve numbers: spent and held. */
type StateAnswer = readonly [Counts];

interface Extras {
  readonly replayed?: boolean;
  /** The named hold, if this call found its time over. */
  readonly expired?: ExpiredAnswer;
}

export type Answer = Extras &
  (
    | { readonly o: "held"; readonly at: number; readonly available?: LimitCounts }
    | {
        readonly o: "denied";
        readonly at: number;
        readonly scope: number;
        readonly dimension: number;
        readonly available: LimitCounts;
        readonly fits: boolean;
        readonly limits: readonly [LimitCounts];
        readonly state: StateAnswer;
      }
    | { readonly o: "settled"; readonly corrected: boolean; readonly held: Counts }
    | { readonly o: "already-resolved"; readonly state: AlreadyResolved["state"] }
    | { readonly o: "renewed"; readonly expires: number }
    | { readonly o: "overridden"; readonly expires: number }
    | {
        readonly o: "adjusted";
        readonly at: number;
        readonly limits: readonly [LimitCounts];
        readonly state: StateAnswer;
      }
    | { readonly o: "expired"; readonly more: boolean }
    | { readonly o: "dispatched" | "released" | "mismatch" | "unknown-hold" | "out-of-range" }
    /** Nothing was done: no window that was sent is current; due holds are in the way; it was reserved before. */
    | { readonly o: "clock" | "due" | "known" }
  );

export interface BatchAnswer {
  readonly now: number;
  readonly answers: readonly Answer[];
  readonly expired: readonly ExpiredAnswer[];
}

export function held(
  answer: Answer & { readonly o: "held" },
  operation: ReserveOperation,
  clock: ServerClock,
): Held {
  const result: Held = {
    outcome: "held",
    holdId: operation.operationId,
    replayed: answer.replayed === true,
    reservedAtMs: answer.at,
    windows: operation.scopes.map((scope) => windowOf(scope.window, answer.at, clock)),
  };
  return answer.available === undefined ? result : { ...result, available: limitsOf(answer.available) };
}

export function denied(
  answer: Answer & { readonly o: "denied" },
  operation: ReserveOperation,
  clock: ServerClock,
): Denied {
  return {
    outcome: "denied",
    replayed: answer.replayed === true,
    limiting: stateOf(operation.scopes[answer.scope]!, answer, clock),
    dimension: DIMENSIONS[answer.dimension]!,
    available: limitsOf(answer.available),
    fitsWithoutHeld: answer.fits,
    deniedAtMs: answer.at,
  };
}

export function settled(answer: Answer & { readonly o: "settled" }, operation: SettleOperation): Settled {
  return {
    outcome: "settled",
    replayed: answer.replayed === true,
    corrected: answer.corrected,
    charged: operation.amounts,
    held: amountsOf(answer.held),
    ...own(answer),
  };
}

export function adjusted(
  answer: Answer & { readonly o: "adjusted" },
  operation: AdjustOperation,
  clock: ServerClock,
): { readonly outcome: "adjusted"; readonly replayed: boolean; readonly state: ScopeState } {
  const state = stateOf(operation.scope, answer, clock);
  return { outcome: "adjusted", replayed: answer.replayed === true, state };
}

/** The named hold, if it was expired on the way. */
export function own(answer: Answer): { readonly expired?: readonly ExpiredHold[] } {
  return answer.expired === undefined ? {} : { expired: [expiredHold(answer.expired)] };
}

export function expiredHold(answer: ExpiredAnswer): ExpiredHold {
  return {
    holdId: decodeText(answer.id),
    dispatched: answer.dispatched,
    amounts: amountsOf(answer.amounts),
    effects: answer.effects.map(([key, windowId, policy]) => ({
      scopeKey: decodeText(key),
      windowId,
      policy: policyOf(policy),
    })),
  };
}

function stateOf(
  scope: Scope,
  answer: { readonly at: number; readonly limits: readonly [LimitCounts]; readonly state: StateAnswer },
  clock: ServerClock,
): ScopeState {
  const [counts] = answer.state;
  return {
    scope,
    window: windowOf(scope.window, answer.at, clock),
    spent: amountsOf(counts),
    held: amountsOf(counts.slice(DIMENSIONS.length)),
    limits: limitsOf(answer.limits[0]),
  };
}

/** Most often it is one of those that were sent. */
function windowOf(spec: WindowSpec, atMs: number, clock: ServerClock): Window {
  const found = clock
    .candidates(spec)
    .find(({ startMs, endMs }) => startMs <= atMs && (endMs === null || atMs < endMs));
  return found ?? windowAt(spec, atMs);
}

/** In the order of {@link DIMENSIONS}; further numbers are left out. */
export function amountsOf(counts: Counts): Amounts {
  const [nanoUsd, calls, concurrentCalls, inputTokens, outputTokens, totalTokens] = counts;
  return {
    nanoUsd: nanoUsd!,
    calls: calls!,
    concurrentCalls: concurrentCalls!,
    inputTokens: inputTokens!,
    outputTokens: outputTokens!,
    totalTokens: totalTokens!,
  };
}

export function limitsOf(counts: LimitCounts): Limits {
  const limits: { [D in Dimension]?: number } = {};
  for (let d = 0; d < DIMENSIONS.length; d++) {
    const limit = counts[d];
    if (limit !== null && limit !== undefined) limits[DIMENSIONS[d]!] = limit;
  }
  return limits;
}
