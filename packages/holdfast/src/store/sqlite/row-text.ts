/** @module The parts of a row that are JSON: amounts, scopes, and the shares of a hold. */
import { DIMENSIONS, type Amounts } from "../../ledger/amounts.ts";
import type { ExpiryPolicy, Scope, ScopeState } from "../../ledger/ledger-store.ts";
import { sortableText } from "./sortable-text.ts";

/** What a row says of a scope. */
export interface ScopeText {
  readonly key: string;
  readonly budgetId: string;
  readonly json: string;
}

/** One counter that a hold is on, and what its share meets when the hold expires after its dispatch. */
export type Share = readonly [counterId: number, onExpiry: ExpiryPolicy];

/** The amounts in the order of `DIMENSIONS`. */
export function amountsText(amounts: Amounts): string {
  return JSON.stringify(DIMENSIONS.map((d) => amounts[d]));
}

export function amountsFrom(text: string): Amounts {
  const [nanoUsd, calls, concurrentCalls, inputTokens, outputTokens, totalTokens] = JSON.parse(text) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Object.freeze({ nanoUsd, calls, concurrentCalls, inputTokens, outputTokens, totalTokens });
}

/** Scopes come again and again as the same objects, and writing one out is the dearest part of it. */
export class ScopeTexts {
  readonly #known = new WeakMap<Scope, ScopeText>();

  of(scope: Scope): ScopeText {
    let text = this.#known.get(scope);
    if (text === undefined) {
      text = {
        key: sortableText(scope.key),
        budgetId: sortableText(scope.budgetId),
        json: JSON.stringify(withNulls(scope)),
      };
      this.#known.set(scope, text);
    }
    return text;
  }
}

/** An answer that says how a scope stood. */
export type StatedAnswer<Part extends string> = Readonly<Record<Part, ScopeState>>;

/** The JSON of such an answer, the scope's values whole. */
export function answerText<Part extends string>(answer: StatedAnswer<Part>, part: Part): string {
  return JSON.stringify({ ...answer, [part]: { ...answer[part], scope: withNulls(answer[part].scope) } });
}

export function answerFrom<A extends StatedAnswer<Part>, Part extends string>(text: string, part: Part): A {
  const answer = JSON.parse(text) as A;
  return { ...answer, [part]: { ...answer[part], scope: withUndefined(answer[part].scope) } };
}

/** JSON has no `undefined`; a value is a text or undefined, so that `null` can stand for it. */
function withNulls(scope: Scope): object {
  const values = Object.entries(scope.values).map(([tag, value]) => [tag, value ?? null]);
  return { ...scope, values: Object.fromEntries(values) as object };
}

export function scopeFrom(json: string): Scope {
  return withUndefined(JSON.parse(json) as Scope);
}

function withUndefined(scope: Scope): Scope {
  const values = Object.entries(scope.values).map(([tag, value]) => [tag, value ?? undefined]);
  return { ...scope, values: Object.fromEntries(values) as Scope["values"] };
}
