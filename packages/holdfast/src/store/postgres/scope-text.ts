/** @module A scope as it is sent and kept. Calls come with the same scopes again and again, so this is made once each. */
import { DIMENSIONS, type Limits } from "../../ledger/amounts.ts";
import type { ExpiryPolicy, Scope } from "../../ledger/ledger-store.ts";
import { encodeText, quoted, storedKey } from "./text.ts";

export interface ScopeText {
  readonly storedKey: string;
  /** Elements of array literals. */
  readonly key: string;
  readonly longKey: string;
  readonly budgetId: string;
  readonly description: string;
  /** One letter. */
  readonly policy: string;
  readonly limits: string;
  readonly rollingMs: number;
  readonly segments: number;
  /** Number of attribution values. */
  readonly depth: number;
}

const LETTERS: Readonly<Record<ExpiryPolicy, string>> = { charge: "c", release: "r", quarantine: "q" };

export class ScopeTexts {
  readonly #made = new WeakMap<Scope, ScopeText>();

  of(scope: Scope): ScopeText {
    const known = this.#made.get(scope);
    if (known !== undefined) return known;
    const text = scopeText(scope);
    this.#made.set(scope, text);
    return text;
  }
}

function scopeText(scope: Scope): ScopeText {
  const key = storedKey(scope.key);
  const isLong = key !== encodeText(scope.key);
  const { window } = scope;
  return {
    storedKey: key,
    key: quoted(key),
    longKey: isLong ? quoted(encodeText(scope.key)) : "NULL",
    budgetId: quoted(encodeText(scope.budgetId)),
    description: quoted(describe(scope)),
    policy: LETTERS[scope.onExpiry],
    limits: limitsText(scope.limits),
    rollingMs: window.kind === "rolling" ? window.durationMs : 0,
    depth: Object.values(scope.values).filter((value) => value !== undefined).length,
    segments: window.kind === "rolling" ? window.segments : 0,
  };
}

export function limitsText(limits: Limits): string {
  return DIMENSIONS.map((dimension) => limits[dimension] ?? "NULL").join();
}

/** JSON escapes what cannot be stored, except U+0001, which means nothing here. */
function describe(scope: Scope): string {
  const { key, budgetId, window, limits, onExpiry } = scope;
  const values = Object.entries(scope.values).map(([tag, value]) => [tag, value ?? null]);
  return JSON.stringify({ key, budgetId, values, window, limits, onExpiry });
}

/** The scope of a description. */
export function describedScope(description: string): Scope {
  const parsed = JSON.parse(description) as Omit<Scope, "values"> & {
    readonly values: readonly (readonly [string, string | null])[];
  };
  const values = Object.create(null) as Record<string, string | undefined>;
  for (const [tag, value] of parsed.values) values[tag] = value ?? undefined;
  return { ...parsed, values };
}

export function policyOf(letter: string): ExpiryPolicy {
  return letter === "c" ? "charge" : letter === "r" ? "release" : "quarantine";
}
