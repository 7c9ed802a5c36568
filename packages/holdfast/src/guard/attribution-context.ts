/** @module Which attribution holds where a call is made. */
import { AsyncLocalStorage } from "node:async_hooks";
import { mergeAttribution, type Attribution } from "../attribution/attribution.ts";

/**
 * Follows the asynchronous flow of one Holdfast instance. It is read once, when a call is made, and carried with the
 * call from there on: callbacks and streams may run anywhere later.
 */
export class AttributionContext {
  readonly #storage = new AsyncLocalStorage<Attribution>();

  run<T>(attribution: Attribution, work: () => T): T {
    return this.#storage.run(mergeAttribution(this.#storage.getStore(), attribution), work);
  }

  /** Goes on where `current()` was read, whatever holds here: for work that is done later, and on behalf of a call. */
  resume<T>(attribution: Attribution | undefined, work: () => T): T {
    return this.#storage.run(attribution as Attribution, work);
  }

  current(): Attribution | undefined {
    return this.#storage.getStore();
  }
}

/** The defaults of one wrapped client; what the context and the call say wins over them. */
export class AttributionDefaults {
  readonly #context: AttributionContext;
  readonly #defaults: Attribution;
  /** One context often makes many calls. */
  readonly #merged = new WeakMap<Attribution, Attribution>();

  constructor(context: AttributionContext, defaults: Attribution | undefined) {
    this.#context = context;
    this.#defaults = mergeAttribution(defaults);
  }

  /** @throws {AttributionError} when a value of `perCall` is not a string. */
  resolve(perCall?: Attribution): Attribution {
    const current = this.#context.current();
    if (perCall !== undefined) return mergeAttribution(this.#defaults, current, perCall);
    if (current === undefined) return this.#defaults;
    let merged = this.#merged.get(current);
    if (merged === undefined) {
      merged = mergeAttribution(this.#defaults, current);
      this.#merged.set(current, merged);
    }
    return merged;
  }
}
