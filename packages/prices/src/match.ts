/** @module Decides whether a price entry is for exactly the model that was asked for. */

/** The match logic of genai-prices data. */
export type MatchLogic =
  | { readonly equals: string }
  | { readonly starts_with: string }
  | { readonly ends_with: string }
  | { readonly contains: string }
  | { readonly regex: string }
  | { readonly and: readonly MatchLogic[] }
  | { readonly or: readonly MatchLogic[] };

/**
 * How far a name may be from an entry's pattern:
 * - `exact`: the whole name is what the pattern says;
 * - `dated`: the whole name is that, followed by a date or version.
 */
export type Closeness = "exact" | "dated";

/** Longer names are no model's, and bounding them bounds the work that a caller-controlled string can cause. */
export const MODEL_NAME_LENGTH_MAX = 256;

const MONTH = "(?:0[1-9]|1[0-2])";
const DAY = "(?:0[1-9]|[12]\\d|3[01])";
const DATE = `[-@]20\\d{2}(?:-${MONTH}-${DAY}|${MONTH}${DAY})`;
/** -2025-08-07, -20250807, @20250807, -05-06, -09-2025, -001, -0613, -latest, @default; Bedrock's -v1:0 after it. */
const REVISION = `(?:${DATE}|-${MONTH}-${DAY}|-${MONTH}-20\\d{2}|-\\d{3,4}|-latest|@default|@\\d{3})`;

const DATED_NAME = new RegExp(`^(.+?)${DATE}$`);
const VERSIONED_NAME = new RegExp(`^(.+?)(?:-preview)?${REVISION}?(?:-v\\d{1,2})?(?::\\d{1,2})?$`);
const COMPACT_DATE = new RegExp(`-(20\\d{2})(${MONTH})(${DAY})(?=-|:|$)`, "g");
/** `ft:gpt-4o-2024-08-06:org:name:id`: a fine-tuned OpenAI model, and what it was tuned from. */
const FINE_TUNED = /^(ft:[^:]+):[^:]*(?::[^:]*){0,3}$/;
/** `gpt-4o-mini-2024-07-18.ft-0e20…`: the same on Azure. */
const FINE_TUNED_AZURE = /^(.+\.ft-)[0-9a-z-]{1,64}$/;
/** A geography in front of a Bedrock id routes the same model; geographies with their own price have their own entry. */
const BEDROCK_PREFIX = /^(?:(?:us|us-gov|eu|ap|apac|au|ca|in|jp|me|af|sa|global)\.)?(?:anthropic\.)?$/;
/** A pattern that is anchored at both ends and whose only freedom is digits. */
const CLOSED_REGEX = /^\^(?:[A-Za-z0-9\-:@/]|\\[.\-/[\]=]|\\d(?:\{\d+\})?|=)+\$$/;

/** The name without a trailing snapshot date, such as `gpt-5` of `gpt-5-2025-08-07`. */
export function withoutDate(model: string): string {
  return DATED_NAME.exec(model)?.[1] ?? model;
}

/** What a fine-tuned model was tuned from; any other name as it is. */
export function baseOfFineTuned(model: string): string {
  const base = FINE_TUNED.exec(model)?.[1];
  return base === undefined ? model : base.slice("ft:".length);
}

/** `-20250807` written as `-2025-08-07`: a name has one snapshot, however its date is written. */
export function withHyphenatedDate(model: string): string {
  return model.replace(COMPACT_DATE, "-$1-$2-$3");
}

/**
 * Whether this logic names exactly this model. Unlike the library's own matching, a pattern that is open at one end
 * never reaches another model: `gpt-5-nano-` is `gpt-5-nano-2025-08-07`, but not `gpt-5-nano-foo`. Case sensitive.
 */
export function namesModel(
  logic: MatchLogic,
  model: string,
  closeness: Closeness,
  provider: string,
): boolean {
  if ("or" in logic) return logic.or.some((part) => namesModel(part, model, closeness, provider));
  if ("and" in logic) {
    return (
      logic.and.some((part) => namesModel(part, model, closeness, provider)) &&
      logic.and.every((part) => admits(part, model))
    );
  }
  if ("equals" in logic) {
    return closeness === "exact"
      ? model === logic.equals
      : DATED_NAME.test(model) && withoutDate(model) === logic.equals;
  }
  if ("regex" in logic) {
    return closeness === "exact" && CLOSED_REGEX.test(logic.regex) && new RegExp(logic.regex).test(model);
  }
  if ("starts_with" in logic) return isCoveredBy(logic.starts_with, model, closeness);
  if ("contains" in logic) {
    const start = model.indexOf(logic.contains);
    return start >= 0 && isPrefixOfSameModel(model.slice(0, start), provider)
      ? isCoveredBy(logic.contains, model.slice(start), closeness)
      : false;
  }
  return (
    closeness === "exact" &&
    model.endsWith(logic.ends_with) &&
    isPrefixOfSameModel(model.slice(0, model.length - logic.ends_with.length), provider)
  );
}

/** `name` starts with `pattern`, and the pattern reaches at least to where the name's date or version begins. */
function isCoveredBy(pattern: string, name: string, closeness: Closeness): boolean {
  if (closeness === "exact") return name === pattern;
  if (!name.startsWith(pattern)) return false;
  const azureBase = FINE_TUNED_AZURE.exec(name)?.[1];
  if (azureBase !== undefined) return pattern === azureBase;
  const base = FINE_TUNED.exec(name)?.[1] ?? name;
  const stem = VERSIONED_NAME.exec(base)?.[1] ?? base;
  return pattern.length >= stem.length;
}

function isPrefixOfSameModel(prefix: string, provider: string): boolean {
  return prefix === "" || (provider === "aws" && BEDROCK_PREFIX.test(prefix));
}

/** The library's own reading of a condition, used for what an `and` adds to a name (such as "but no -tts"). */
function admits(logic: MatchLogic, model: string): boolean {
  if ("or" in logic) return logic.or.some((part) => admits(part, model));
  if ("and" in logic) return logic.and.every((part) => admits(part, model));
  if ("equals" in logic) return model === logic.equals || withoutDate(model) === logic.equals;
  if ("regex" in logic) return new RegExp(logic.regex).test(model);
  if ("starts_with" in logic) return model.startsWith(logic.starts_with);
  if ("contains" in logic) return model.includes(logic.contains);
  return model.endsWith(logic.ends_with);
}
