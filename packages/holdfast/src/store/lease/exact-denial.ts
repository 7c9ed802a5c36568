/** @module A denial as one process must see it: with its own slices counted for what is really in use. */
import { denialOf, firstLimit, availableIn } from "../../ledger/admission.ts";
import { DIMENSIONS, type Dimension } from "../../ledger/amounts.ts";
import type { Denied, ReserveOperation, Scope, ScopeState } from "../../ledger/ledger-store.ts";
import type { BaseReader } from "./base-reader.ts";
import { corrected, isNothing } from "./own-part.ts";

/**
 * @param denied the base's answer for the scopes in `asked`
 * @param asked the scopes that the base was asked for; the pools of all others had room
 */
export async function exactDenial(
  operation: ReserveOperation,
  denied: Denied,
  asked: readonly Scope[],
  reader: BaseReader,
): Promise<Denied> {
  const { scope, window } = denied.limiting;
  const right = corrected(denied.limiting, reader.ownPartOf(scope.key, window.id));
  const isExact = asked.every((each) => isNothing(reader.wholePartOf(each)));
  const others = operation.scopes.filter((each) => !asked.includes(each) && hasLimits(each));
  if (isExact && others.length === 0) return denied;
  const toRead = isExact ? others : operation.scopes.filter((each) => each.key !== scope.key);
  const states = await Promise.all(toRead.map(async (each) => reader.stateOf(each)));
  if (isExact) {
    const available: { [D in Dimension]?: number } = {};
    const elsewhere = availableIn(states);
    for (const d of DIMENSIONS) {
      const free = Math.min(denied.available[d] ?? Infinity, elsewhere[d] ?? Infinity);
      if (free !== Infinity) available[d] = free;
    }
    return { ...denied, available };
  }
  const byKey = new Map<string, ScopeState>(states.map((state) => [state.scope.key, state]));
  byKey.set(scope.key, right);
  const all = operation.scopes.map((each) => byKey.get(each.key)!);
  const limiting = firstLimit(all, operation.amounts);
  // Room has come up since the base answered; what it said was true then.
  if (limiting === undefined) return { ...denied, limiting: right };
  return denialOf(operation, all, limiting, denied.deniedAtMs);
}

function hasLimits(scope: Scope): boolean {
  return DIMENSIONS.some((d) => scope.limits[d] !== undefined);
}
