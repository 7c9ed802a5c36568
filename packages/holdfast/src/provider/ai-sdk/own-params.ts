/**
 * @module The options of one model call as they will be used: copied, so that what is held for is what is sent, and
 * without what is Holdfast's own.
 *
 * The SDK's options share the application's tool results and schemas. A hold may take a round trip to a store; what
 * the application changes meanwhile must not change the request.
 */
import type { Attribution } from "../../attribution/attribution.ts";
import { AttributionError } from "../../error/attribution-error.ts";
import { ClientNotSupportedError } from "../../error/client-not-supported-error.ts";
import type { CallOptionsLike } from "./sdk-types.ts";

/** On options that a middleware of ours has taken over. Enumerable, so that it survives the copies of others. */
const TAKEN: unique symbol = Symbol.for("holdfast.ai-sdk.taken");

/** Under `providerOptions`: tags of one call. */
const OWN_OPTIONS = "holdfast";

export interface OwnParams<P> {
  readonly params: P;
  /** Tags that the call itself names; checked when they are merged. */
  readonly perCall: Attribution | undefined;
}

/**
 * @throws {ClientNotSupportedError} when another of our middlewares has these options already.
 * @throws {AttributionError} when `providerOptions.holdfast` is not an object.
 */
export function ownParams<P extends CallOptionsLike>(params: P): OwnParams<P> {
  if ((params as { [TAKEN]?: true })[TAKEN] === true) {
    throw new ClientNotSupportedError(
      "This model is wrapped by Holdfast already; wrapping it twice would charge each call twice.",
    );
  }
  const seen = new Map<object, unknown>();
  const own: Record<PropertyKey, unknown> = {};
  Object.assign(own, params, { [TAKEN]: true });
  for (const name of Object.keys(params)) {
    if (name !== "abortSignal" && name !== "headers") own[name] = copyOf(own[name], seen);
  }
  const { providerOptions } = params;
  if (providerOptions === undefined || !Object.hasOwn(providerOptions, OWN_OPTIONS)) {
    return { params: own as P, perCall: undefined };
  }
  const { [OWN_OPTIONS]: perCall, ...others } = providerOptions;
  // Whoever calls without options of a provider's is to be seen without them.
  if (Object.keys(others).length > 0) own["providerOptions"] = copyOf(others, seen);
  else delete own["providerOptions"];
  if (typeof perCall !== "object" || perCall === null || Array.isArray(perCall)) {
    throw new AttributionError("providerOptions.holdfast", "must be an object of tags.");
  }
  return { params: own as P, perCall: perCall as Attribution };
}

/** Plain objects and lists are copied; files, addresses, and whatever writes itself, stay what they are. */
function copyOf(value: unknown, seen: Map<object, unknown>): unknown {
  if (typeof value !== "object" || value === null) return value;
  const known = seen.get(value);
  if (known !== undefined) return known;
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    seen.set(value, list);
    for (const one of value as unknown[]) list.push(copyOf(one, seen));
    return list;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  if (typeof (value as { toJSON?: unknown }).toJSON === "function") return value;
  const object = Object.create(prototype) as Record<PropertyKey, unknown>;
  seen.set(value, object);
  for (const key of Reflect.ownKeys(value)) {
    const descriptor = Object.getOwnPropertyDescriptor(value, key)!;
    if (descriptor.enumerable !== true) {
      Object.defineProperty(object, key, descriptor);
      continue;
    }
    Object.defineProperty(object, key, {
      value: copyOf((value as Record<PropertyKey, unknown>)[key], seen),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return object;
}
