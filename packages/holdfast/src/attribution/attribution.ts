/** @module The tags of one call: who pays, and what for. */
import { AttributionError } from "../error/attribution-error.ts";

/**
 * The standard tags; any other key may be used as well. Values are strings chosen by the application's own code, never
 * taken from a request body unchecked. `undefined` is the same as leaving a tag out.
 */
export interface Attribution {
  readonly org?: string | undefined;
  readonly businessUnit?: string | undefined;
  readonly team?: string | undefined;
  readonly project?: string | undefined;
  readonly service?: string | undefined;
  readonly environment?: string | undefined;
  readonly agent?: string | undefined;
  readonly tenant?: string | undefined;
  readonly user?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly domain?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly promptVersion?: string | undefined;
  readonly conversation?: string | undefined;
  readonly workflow?: string | undefined;
  readonly stage?: string | undefined;
  /** Names one logical call of the application, for its own records. */
  readonly requestId?: string | undefined;
  readonly [tag: string]: string | undefined;
}

export const NO_ATTRIBUTION: Attribution = Object.freeze(Object.create(null) as Attribution);

/**
 * Later tags win over earlier ones. The result is frozen and has no prototype, so that a tag named `__proto__` is a
 * tag and nothing else.
 *
 * @throws {AttributionError} when a value is not a string.
 */
export function mergeAttribution(...parts: readonly (Attribution | undefined)[]): Attribution {
  const merged: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const part of parts) {
    if (part === undefined) continue;
    for (const tag of Object.keys(part)) {
      const value: unknown = part[tag];
      if (value === undefined) continue;
      if (typeof value !== "string") {
        throw new AttributionError(
          tag,
          `must be a string, not ${value === null ? "null" : typeof value}; convert it first, as in String(id).`,
        );
      }
      merged[tag] = value;
    }
  }
  return Object.freeze(merged);
}
