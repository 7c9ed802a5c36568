/** @module From a request that may leave to a call that is held for. */
import type { Attribution } from "../attribution/attribution.ts";
import type { GuardedCall } from "../guard/guarded-call.ts";
import type { Guard } from "../guard/guard.ts";
import { isPromise, type MaybePromise } from "../kernel/maybe-promise.ts";
import type { PlannedRequest } from "./plan-request.ts";

/**
 * Holds the worst case of the first attempt.
 *
 * @param signal the caller's own: when it fires before the hold is there, the result is given at once, so that the SDK
 * fails by itself, and a hold that comes later is given back
 * @throws any HoldfastError; nothing has been sent then
 */
export function holdForRequest(
  guard: Guard,
  { plan }: PlannedRequest,
  attribution: Attribution,
  signal: AbortSignal | null | undefined,
): MaybePromise<GuardedCall> {
  const call = guard.startCall(plan, attribution);
  const reserved = call.reserve();
  if (!isPromise(reserved)) return call;
  if (signal === null || signal === undefined) return reserved.then(() => call);
  return new Promise((resolve, reject) => {
    const give = (): void => {
      call.abandon();
      resolve(call);
    };
    signal.addEventListener("abort", give, { once: true });
    reserved.then(() => resolve(call), reject).finally(() => signal.removeEventListener("abort", give));
  });
}
