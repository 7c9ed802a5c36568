/** @module The scopes of operations, checked and written once: calls with one attribution come with the same ones. */
import { OperationInvalidError } from "../../error/operation-invalid-error.ts";
import type { Scope } from "../../ledger/ledger-store.ts";
import { requireLimits } from "../../ledger/operation-checks.ts";
import { ScopeText } from "./scope-text.ts";

const SCOPES_KEPT = 20_000;

export class ScopeTexts {
  readonly #each = new WeakMap<Scope, ScopeText>();
  /** Scopes are often made anew for each attribution; what is written of those that are alike is the same. */
  readonly #alike = new Map<string, ScopeText>();
  readonly #lists = new WeakMap<readonly Scope[], readonly ScopeText[]>();

  /** @throws {OperationInvalidError} when a limit is none, or two scopes have the same key. */
  listOf(scopes: readonly Scope[]): readonly ScopeText[] {
    const known = this.#lists.get(scopes);
    if (known !== undefined) return known;
    const texts = scopes.map((scope, i) => this.of(scope, `scopes[${i}].limits`));
    if (new Set(scopes.map(({ key }) => key)).size < scopes.length) {
      throw new OperationInvalidError("two scopes of one operation have the same key");
    }
    this.#lists.set(scopes, texts);
    return texts;
  }

  /** @throws {OperationInvalidError} when a limit is none. */
  of(scope: Scope, name = "scope.limits"): ScopeText {
    const known = this.#each.get(scope);
    if (known !== undefined) return known;
    requireLimits(scope.limits, name);
    const fresh = new ScopeText(scope);
    const alike = `${fresh.name}\t${fresh.config}`;
    const written = this.#alike.get(alike) ?? fresh;
    if (written === fresh) {
      if (this.#alike.size >= SCOPES_KEPT) this.#alike.clear();
      this.#alike.set(alike, fresh);
    }
    this.#each.set(scope, written);
    return written;
  }
}
