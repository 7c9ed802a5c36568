/**
 * @module The inner side of a Holdfast, for the provider wrappers.
 *
 * Found under a registered symbol, so that a wrapper from one copy of the package works with a Holdfast from another
 * copy of the same version line.
 */
import type { Guard } from "../guard/guard.ts";
import { ConfigError } from "../error/config-error.ts";

const GUARD = Symbol.for("holdfast.guard/0");

export function exposeGuard(holdfast: object, guard: Guard): void {
  // Not enumerable: inspecting or logging a Holdfast shows none of its insides.
  Object.defineProperty(holdfast, GUARD, { value: guard });
}

/** @throws {ConfigError} when this is not a Holdfast. */
export function guardOf(holdfast: object): Guard {
  const guard = (holdfast as { [GUARD]?: Guard } | null | undefined)?.[GUARD];
  if (guard === undefined) {
    throw new ConfigError([{ field: "holdfast", problem: "must be what createHoldfast(...) returned." }]);
  }
  return guard;
}
