/**
 * @module Values that are either ready or promised.
 *
 * In-process stores answer at once; remote stores answer later. Code written with these helpers stays synchronous
 * on the first kind, so that a memory-backed call pays for no microtask.
 */

export type MaybePromise<T> = T | Promise<T>;

export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}

/** Applies `next` now when the value is ready, else when it arrives. */
export function chain<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return isPromise(value) ? value.then(next) : next(value);
}
