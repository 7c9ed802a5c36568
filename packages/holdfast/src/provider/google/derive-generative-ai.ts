/** @module The client that comes out of `wrapGoogle` for a `GoogleGenerativeAI`: its models and chats are guarded. */
import { ClientNotSupportedError } from "../../error/client-not-supported-error.ts";
import { generativeAIMisfits, type GenerativeAI, type GenerativeModel } from "./generative-ai-shape.ts";
import type { RequestContext } from "./guarded-request.ts";
import { guardedModelPrototype } from "./metered-model.ts";

const WRAPPED = Symbol.for("holdfast.google.generative-ai");

export function isWrappedGenerativeAI(client: object): boolean {
  return (client as { [WRAPPED]?: true })[WRAPPED] === true;
}

/** @throws {ClientNotSupportedError} when its models or chats are not those of 0.24 */
export function deriveGenerativeAI<C extends object>(client: C, context: RequestContext): C {
  const own = client as unknown as GenerativeAI;
  const problems = generativeAIMisfits(own);
  if (problems.length > 0) {
    throw new ClientNotSupportedError(
      `This GoogleGenerativeAI client cannot be wrapped: ${problems.join("; ")}. Pass one of @google/generative-ai 0.24.`,
    );
  }
  const original = Object.getPrototypeOf(client) as object;
  const guard = guardModels(context);
  const prototype = Object.create(original) as object;
  for (const name of ["getGenerativeModel", "getGenerativeModelFromCachedContent"] as const) {
    const make = own[name] as ((...args: unknown[]) => GenerativeModel) | undefined;
    if (make === undefined) continue;
    Object.defineProperty(prototype, name, {
      value(this: GenerativeAI, ...args: unknown[]) {
        return guard(make.apply(this, args));
      },
      configurable: true,
      writable: true,
    });
  }
  Object.defineProperty(prototype, WRAPPED, { value: true });
  return Object.create(prototype, Object.getOwnPropertyDescriptors(client)) as C;
}

/** A model that was just made gets one object in front of its own prototype. */
function guardModels(context: RequestContext): (model: GenerativeModel) => GenerativeModel {
  const prototypes = new WeakMap<object, object>();
  return (model) => {
    const original = Object.getPrototypeOf(model) as GenerativeModel;
    let prototype = prototypes.get(original);
    if (prototype === undefined)
      prototypes.set(original, (prototype = guardedModelPrototype(original, context)));
    Object.setPrototypeOf(model, prototype);
    return model;
  };
}

export { isGenerativeAI } from "./generative-ai-shape.ts";
