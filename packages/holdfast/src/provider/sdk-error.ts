/**
 * @module Holdfast's errors as members of the SDK's own family.
 *
 * The SDK's stream helpers and tool loops wrap every error that is not theirs into one of theirs. An error that extends
 * the client's own `OpenAIError` passes through all of them as it is, is not retried, and is still recognised by
 * `instanceof BudgetExceededError` (see HoldfastError).
 */
import { HoldfastError } from "../error/holdfast-error.ts";

type ErrorClass = new (message: string) => Error;

const families = new WeakMap<ErrorClass, Map<unknown, ErrorClass>>();

/** The same error with the SDK's base class in its prototype chain; other errors are returned as they are. */
export function asSdkError(error: unknown, base: ErrorClass | undefined): unknown {
  if (base === undefined || !HoldfastError.isHoldfastError(error)) return error;
  if (Object.prototype.isPrototypeOf.call(base.prototype as object, error)) return error;
  const original = Object.getPrototypeOf(error) as object;
  let family = families.get(base);
  if (family === undefined) families.set(base, (family = new Map()));
  let relative = family.get(original);
  if (relative === undefined) family.set(original, (relative = relate(original, base)));
  // Not by the SDK's constructor, which may want other things than a message.
  const related = new Error(error.message);
  Object.setPrototypeOf(related, relative.prototype as object);
  // Details, mark, cause and the stack of where it was first thrown.
  for (const key of Reflect.ownKeys(error)) {
    Object.defineProperty(related, key, Object.getOwnPropertyDescriptor(error, key)!);
  }
  // An accessor, which would tell where the relative was made.
  Object.defineProperty(related, "stack", { value: error.stack, configurable: true, writable: true });
  return related;
}

/** A class below the SDK's base error with the members that our class chain adds to Error. */
function relate(original: object, base: ErrorClass): ErrorClass {
  const relative = class extends base {};
  for (let at = original; at !== Error.prototype && at !== null; at = Object.getPrototypeOf(at) as object) {
    for (const key of Reflect.ownKeys(at)) {
      if (key === "constructor" || Object.hasOwn(relative.prototype, key)) continue;
      Object.defineProperty(relative.prototype, key, Object.getOwnPropertyDescriptor(at, key)!);
    }
  }
  Object.defineProperty(relative, "name", { value: (original.constructor as { name: string }).name });
  return relative;
}
