/** @module Attribution for a single call, carried in the options of the SDK's own method. */
import type { Attribution } from "../attribution/attribution.ts";

const PER_CALL = Symbol.for("holdfast.attribution");

/**
 * Request options that attribute one call, for the last argument of any SDK method:
 * `openai.responses.create(params, attributed({ user: "u-42" }))`. Wins over `holdfast.with(...)` and over the
 * defaults of the wrapper.
 *
 * @param options the SDK's own request options, if there are any
 */
export function attributed<O extends object = object>(attribution: Attribution, options?: O): O {
  return { ...options, [PER_CALL]: attribution } as unknown as O;
}

export function perCallAttribution(options: object): Attribution | undefined {
  return (options as { [PER_CALL]?: Attribution })[PER_CALL];
}
