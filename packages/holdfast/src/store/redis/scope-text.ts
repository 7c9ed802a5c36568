/** @module A scope as the scripts take it: written once for each scope, and once for each of its windows. */
import { OperationInvalidError } from "../../error/operation-invalid-error.ts";
import type { Window, WindowSpec } from "../../kernel/window.ts";
import { DIMENSIONS, type Dimension, type Limits } from "../../ledger/amounts.ts";
import type { ExpiryPolicy, Scope } from "../../ledger/ledger-store.ts";
import { fromKeyText, toKeyText } from "./key-text.ts";

/** Stands for the end of a window that has none, and for a limit that is none. */
export const ENDLESS = "9007199254740992";

const DESCRIBE_FOR = 100;

const POLICIES: Readonly<Record<ExpiryPolicy, string>> = { charge: "c", release: "r", quarantine: "q" };

export class ScopeText {
  readonly scope: Scope;
  /** The scope key, encoded. */
  readonly name: string;
  /** Limits and policy: what may differ from call to call. */
  readonly config: string;
  /** Tells limits and policy from others; below 2^52. */
  readonly mark: string;
  #description: string | undefined;
  #window: Window | undefined;
  #ref = "";
  #counter = "";
  /** The window in which the counter is known to be there with these limits, so that they need not be sent. */
  #described: Window | undefined;
  #describeFor = 0;

  /** @throws {OperationInvalidError} when a rolling window is not of whole numbers. */
  constructor(scope: Scope) {
    this.scope = scope;
    this.name = toKeyText(scope.key);
    const limits = DIMENSIONS.map((dimension) => scope.limits[dimension] ?? "-");
    this.config = `${limits.join(",")},${POLICIES[scope.onExpiry]}\n`;
    this.mark = String(markOf(this.config));
    const { window } = scope;
    if (window.kind === "rolling") {
      for (const value of [window.durationMs, window.segments]) {
        if (!Number.isSafeInteger(value) || value <= 0) {
          throw new OperationInvalidError("a rolling window must have a whole duration and number of slices");
        }
      }
    }
  }

  get description(): string {
    return (this.#description ??= describe(this.scope));
  }

  /** The line for this scope in one window: key, window id, start, end, policy. */
  ref(window: Window): string {
    if (window !== this.#window) this.#enter(window);
    return this.#ref;
  }

  /** The key of the counter of one window, within the store. */
  counter(window: Window): string {
    if (window !== this.#window) this.#enter(window);
    return this.#counter;
  }

  isDescribed(window: Window): boolean {
    if (this.#describeFor > 0) {
      this.#describeFor -= 1;
      return false;
    }
    return this.#described === window;
  }

  describedIn(window: Window): void {
    this.#described = window;
  }

  /** The counter is gone, or others use it with other limits: they are sent along for a while. */
  undescribed(): void {
    this.#described = undefined;
    this.#describeFor = DESCRIBE_FOR;
  }

  #enter(window: Window): void {
    const end = window.endMs ?? ENDLESS;
    const named = `${this.name}\t${window.id}`;
    this.#ref = `${named}\t${window.startMs}\t${end}\t${POLICIES[this.scope.onExpiry]}`;
    this.#counter = `c:${named}`;
    this.#window = window;
  }
}

/** Two hashes of 26 bits. Limits come from configuration, not from users: nobody is looking for two with one mark. */
function markOf(config: string): number {
  let one = 0x811c9dc5;
  let other = 0x9e3779b9;
  for (let i = 0; i < config.length; i++) {
    one = Math.imul(one ^ config.charCodeAt(i), 0x01000193);
    other = Math.imul((other << 5) ^ (other >>> 27) ^ config.charCodeAt(i), 0x85ebca6b);
  }
  return (one >>> 6) * 2 ** 26 + (other >>> 6);
}

/** Duration and slices for the script, the budget to select by, and what only a listing reads. */
function describe(scope: Scope): string {
  const { window } = scope;
  const rolling = window.kind === "rolling" ? `${window.durationMs},${window.segments}` : "0,0";
  const values = Object.entries(scope.values).map(([tag, value]) => [tag, value ?? null]);
  return `${rolling},${toKeyText(scope.budgetId)}\t${JSON.stringify({ values, window })}`;
}

/** A scope from what a counter says of it. `description` without the two numbers at its beginning. */
export function scopeFrom(name: string, config: string, description: string): Scope {
  const tab = description.indexOf("\t");
  // What this very store has written; a counter with anything else is refused by the script.
  const { values, window } = JSON.parse(description.slice(tab + 1)) as {
    values: [string, string | null][];
    window: WindowSpec;
  };
  const fields = config.trimEnd().split(",");
  return {
    key: fromKeyText(name),
    budgetId: fromKeyText(description.slice(0, tab)),
    values: Object.fromEntries(values.map(([tag, value]) => [tag, value ?? undefined])),
    window,
    limits: limitsFrom(fields.slice(0, DIMENSIONS.length)),
    onExpiry: policyFrom(fields[DIMENSIONS.length]!),
  };
}

/** "-" stands for none. */
export function limitsFrom(texts: readonly string[]): Limits {
  const limits: { [D in Dimension]?: number } = {};
  for (let d = 0; d < DIMENSIONS.length; d++) {
    if (texts[d] !== "-") limits[DIMENSIONS[d]!] = Number(texts[d]);
  }
  return limits;
}

export function policyFrom(letter: string): ExpiryPolicy {
  return letter === "c" ? "charge" : letter === "q" ? "quarantine" : "release";
}

/** A line of a hold. */
export interface RefParts {
  readonly name: string;
  readonly window: Window;
  readonly policy: ExpiryPolicy;
}

export function refsFrom(lines: string): RefParts[] {
  if (lines === "") return [];
  return lines.split("\n").map((line) => {
    const [name, id, start, end, policy] = line.split("\t");
    return {
      name: name!,
      window: { id: id!, startMs: Number(start), endMs: end === ENDLESS ? null : Number(end) },
      policy: policyFrom(policy!),
    };
  });
}
