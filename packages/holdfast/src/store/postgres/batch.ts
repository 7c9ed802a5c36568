/** @module Operations as the arguments of one call of the function `run`; its header says what is where. */
import { NO_AMOUNTS, DIMENSIONS, type Amounts, type Limits } from "../../ledger/amounts.ts";
import type {
  AdjustOperation,
  DispatchOperation,
  ExpireOperation,
  OverrideOperation,
  ReleaseOperation,
  RenewOperation,
  ReserveOperation,
  Scope,
  SettleOperation,
} from "../../ledger/ledger-store.ts";
import type { Window } from "../../kernel/window.ts";
import type { ServerClock } from "../server-clock.ts";
import { limitsText, type ScopeText, type ScopeTexts } from "./scope-text.ts";
import { encodeText, NO_TEXT, quoted } from "./text.ts";

export type StoreOperation =
  | { readonly verb: "reserve"; readonly operation: ReserveOperation }
  | { readonly verb: "dispatch"; readonly operation: DispatchOperation }
  | { readonly verb: "settle"; readonly operation: SettleOperation }
  | { readonly verb: "release"; readonly operation: ReleaseOperation }
  | { readonly verb: "renew"; readonly operation: RenewOperation }
  | { readonly verb: "adjust"; readonly operation: AdjustOperation }
  | { readonly verb: "override"; readonly operation: OverrideOperation }
  | { readonly verb: "expire"; readonly operation: ExpireOperation };

export interface BatchSettings {
  /** Store time, or undefined for the server's own. */
  readonly nowMs: number | undefined;
  readonly lockTimeoutMs: number;
  readonly rememberMs: number;
  readonly rememberDenialsMs: number;
  /** Due holds that no operation names to resolve, at most. */
  readonly inPassing: number;
  /** Resolves all holds that are due on the batch's scopes. */
  readonly resolveDue: boolean;
  /** Reservations may have been made before. */
  readonly lookUp: boolean;
}

const KINDS = ["reserve", "dispatch", "settle", "release", "renew", "adjust", "override", "expire"] as const;

/** The statement for {@link batchArguments}. `schema` is a quoted identifier. */
export function runStatement(schema: string): string {
  return (
    `SELECT ${schema}.run($1::text::bigint[], $2::text::bigint[], $3::text::text[], $4::text::text[], ` +
    "$5::text::text[], $6::text::bigint[], $7::text::text[], $8::text::text[], $9::text::bigint[]) AS answer"
  );
}

interface Key {
  readonly text: ScopeText;
  readonly windows: readonly Window[];
}

/** No two operations may name the same hold, or have the same id. */
export function batchArguments(
  operations: readonly StoreOperation[],
  texts: ScopeTexts,
  clock: ServerClock,
  settings: BatchSettings,
): string[] {
  const keys = keysOf(operations, texts, clock);
  const rowOf = new Map<string, number>();
  for (let row = 0; row < keys.length; row++) rowOf.set(keys[row]!.text.storedKey, row + 1);
  const scopeRows: string[] = [];
  const rows: string[] = [];
  const operationIds: string[] = [];
  const holdIds: string[] = [];
  const policies: string[] = [];
  let named = 0;
  for (const each of operations) {
    const scopes = scopesOf(each);
    rows.push(operationRow(each, scopeRows.length + 1, scopes.length));
    for (const scope of scopes) {
      const text = texts.of(scope);
      const numbers = each.verb === "override" ? `0,${limitsText(each.operation.extra)}` : `1,${text.limits}`;
      scopeRows.push(`{${rowOf.get(text.storedKey)!},${numbers}}`);
    }
    policies.push(`"${scopes.map((scope) => texts.of(scope).policy).join("")}"`);
    operationIds.push(quoted(each.verb === "expire" ? NO_TEXT : encodeText(each.operation.operationId)));
    const holdId = each.verb === "reserve" && !settings.lookUp ? NO_TEXT : holdIdOf(each);
    if (holdId !== NO_TEXT) named += 1;
    holdIds.push(quoted(holdId));
  }
  return [
    `{${settings.nowMs ?? "NULL"},${settings.lockTimeoutMs},${settings.rememberMs},${settings.rememberDenialsMs},` +
      `${settings.inPassing},${settings.resolveDue ? 1 : 0},${named}}`,
    `{${rows.join()}}`,
    `{${operationIds.join()}}`,
    `{${holdIds.join()}}`,
    `{${policies.join()}}`,
    `{${scopeRows.join()}}`,
    `{${keys.map(({ text }) => text.key).join()}}`,
    `{${keys.map(keyRow).join()}}`,
    `{${keys.map(windowRow).join()}}`,
  ];
}

/** What must not come twice in one batch, as stored: the hold or the operation. */
export function subjectOf(each: StoreOperation): string {
  const holdId = holdIdOf(each);
  if (holdId !== NO_TEXT) return `hold ${holdId}`;
  return each.verb === "expire" ? "expire" : `operation ${each.operation.operationId}`;
}

function holdIdOf(each: StoreOperation): string {
  switch (each.verb) {
    case "reserve":
      return encodeText(each.operation.operationId);
    case "dispatch":
    case "settle":
    case "release":
    case "renew":
      return encodeText(each.operation.holdId);
    default:
      return NO_TEXT;
  }
}

function scopesOf(each: StoreOperation): readonly Scope[] {
  if (each.verb === "reserve") return each.operation.scopes;
  return each.verb === "adjust" || each.verb === "override" ? [each.operation.scope] : [];
}

function keysOf(
  operations: readonly StoreOperation[],
  texts: ScopeTexts,
  clock: ServerClock,
): readonly Key[] {
  const keys = new Map<string, Key>();
  for (const each of operations) {
    for (const scope of scopesOf(each)) {
      const text = texts.of(scope);
      keys.set(text.storedKey, { text, windows: clock.candidates(scope.window) });
    }
  }
  return [...keys.values()];
}

function keyRow({ text, windows }: Key): string {
  const second = windows.length > 1 ? quoted(windows[1]!.id) : "NULL";
  return `{${text.description},${quoted(windows[0]!.id)},${second},${text.budgetId},${text.longKey}}`;
}

function windowRow({ text, windows }: Key): string {
  const [first, second] = windows;
  const rest = second === undefined ? "NULL,NULL" : `${second.startMs},${second.endMs}`;
  return `{${first!.startMs},${first!.endMs ?? "NULL"},${rest},${text.rollingMs},${text.segments},${text.depth}}`;
}

function operationRow(each: StoreOperation, firstScope: number, scopes: number): string {
  const { kind, ttlMs, flag, amounts } = numbersOf(each);
  return `{${kind},${ttlMs},${firstScope},${scopes},${flag},${amountsText(amounts)}}`;
}

function numbersOf(each: StoreOperation): {
  readonly kind: number;
  readonly ttlMs: number;
  readonly flag: number;
  readonly amounts: Partial<Amounts>;
} {
  const kind = KINDS.indexOf(each.verb) + 1;
  const base = { kind, ttlMs: 0, flag: 0, amounts: NO_AMOUNTS };
  switch (each.verb) {
    case "reserve": {
      const { undispatchedTtlMs, reportAvailable, amounts } = each.operation;
      return { kind, ttlMs: undispatchedTtlMs, flag: reportAvailable === true ? 1 : 0, amounts };
    }
    case "settle":
      return { ...base, amounts: each.operation.amounts };
    case "adjust":
      return { ...base, amounts: each.operation.delta };
    case "dispatch":
    case "renew":
    case "override":
      return { ...base, ttlMs: each.operation.ttlMs };
    case "release":
    case "expire":
      return base;
  }
}

function amountsText(amounts: Partial<Amounts> | Limits): string {
  return DIMENSIONS.map((dimension) => amounts[dimension] ?? 0).join();
}
