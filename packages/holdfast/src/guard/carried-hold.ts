/** @module One hold, as the guard carries it from reservation to resolution. */
import type { Amounts } from "../ledger/amounts.ts";
import type { AdmittedBy, Scope } from "../ledger/ledger-store.ts";

export interface CarriedHold {
  readonly holdId: string;
  readonly amounts: Amounts;
  readonly scopes: readonly Scope[];
  readonly admittedBy: AdmittedBy;
}

/** Let through without the store, so the store knows nothing of it. */
export function isOffStore(hold: CarriedHold): boolean {
  return hold.admittedBy === "local" || hold.admittedBy === "open";
}
