/**
 * @module A client of the same class, under the guard.
 *
 * Derived, not proxied: the SDK's own constructor makes the new client, and its prototype gets one class in front. The
 * overrides are
 * - `request`: one logical request, outside the retry loop. Here it is planned and held for, so that a denial is
 *   raised once, as it is, and never retried.
 * - `prepareRequest`: before each HTTP try, and outside of what the SDK takes for a failed connection. The hold is
 *   dispatched here; a try after one that was resolved is held for anew.
 * - `makeRequest`: the whole of the tries. A hold whose try never began is given back when it fails.
 * - `withOptions`, `buildRequest`, `buildURL`: the SDK's own questions for the client's address, told apart from those of a
 *   socket class (`refuse-sockets.ts`).
 * The client's `fetch` meters each try. `withOptions` builds through `this.constructor`, so that clones are guarded too.
 */
import { mergeAttribution, type Attribution } from "../../attribution/attribution.ts";
import { isPromise, type MaybePromise } from "../../kernel/maybe-promise.ts";
import { perCallAttribution } from "../per-call-attribution.ts";
import type { ClientClass, DerivableClient, FinalRequestOptions } from "./client-shape.ts";
import { deploymentIn } from "./endpoint.ts";
import { attributionOf, guardedRequestOf, guardRequest, type RequestContext } from "./guarded-request.ts";
import { isMetered, meterFetch } from "./metered-fetch.ts";
import { regionOf } from "../request/region.ts";
import { createAddressGuard } from "./refuse-sockets.ts";
import { asSdkError } from "../sdk-error.ts";

/** On the promise of options that have been decided on; decided options themselves carry their request. */
const DECIDED: unique symbol = Symbol("holdfast.openai.decided");

function isDecided(options: FinalRequestOptions | Promise<FinalRequestOptions>): boolean {
  if (isPromise(options)) return (options as { [DECIDED]?: boolean })[DECIDED] === true;
  return guardedRequestOf(options) !== undefined;
}

type GuardedClass = ClientClass & { readonly address: ReturnType<typeof createAddressGuard> };

export function deriveClient<C extends object>(client: C, context: RequestContext): C {
  const base = client as unknown as DerivableClient;
  return guardClient(
    base,
    base.withOptions({ fetch: meterFetch(base.fetch, context.guard), ...azureOptions(base) }),
    context,
  ) as unknown as C;
}

/** Brings the given client itself under the guard, for clients that no other can be derived from. */
export function guardInPlace<C extends object>(client: C, context: RequestContext): C {
  const base = client as unknown as DerivableClient;
  const guarded = guardClient(base, base, context);
  guarded.fetch = meterFetch(guarded.fetch, context.guard);
  return client;
}

function guardClient(base: DerivableClient, client: object, context: RequestContext): DerivableClient {
  const Guarded = guardedClass(base.constructor as unknown as ClientClass, context);
  Object.setPrototypeOf(client, Guarded.prototype);
  Guarded.address.guard(client as DerivableClient);
  return client as DerivableClient;
}

/** `AzureOpenAI.withOptions` of openai before 7.11 forgets these two. */
function azureOptions({ apiVersion, deploymentName }: DerivableClient): object {
  if (apiVersion === undefined) return {};
  return { apiVersion, ...(deploymentName === undefined ? {} : { deployment: deploymentName }) };
}

function guardedClass(Base: ClientClass, context: RequestContext): GuardedClass {
  const address = createAddressGuard(context.guard.settings.allow.has("realtime"));
  const errorBase = Base.OpenAIError;
  const fail = (error: unknown): never => {
    throw asSdkError(error, errorBase);
  };

  const decide = (
    options: FinalRequestOptions,
    client: DerivableClient,
    attribution: Attribution,
  ): MaybePromise<FinalRequestOptions> =>
    guardRequest(context, options, attribution, {
      deployment: deploymentOf(client, options),
      region: regionAt(client, options),
      fetchOptions: client.fetchOptions,
      readFile: async (fileId, signal) => client.files.content(fileId, { signal }),
    });
  const deploymentOf = (client: DerivableClient, { path }: FinalRequestOptions): string | undefined =>
    deploymentIn(path) ?? deploymentIn(address.askedByClient(() => client.baseURL)) ?? client.deploymentName;

  // Asked at each request: `withOptions` may have led it to another region.
  const regionAt = (client: DerivableClient, { path }: FinalRequestOptions): string | undefined =>
    regionOf(context.provider, /^https?:/i.test(path) ? path : address.askedByClient(() => client.baseURL));

  /** Never throws: a denial is a rejected request, as any other failure of the SDK is. */
  const guarded = (
    options: FinalRequestOptions | Promise<FinalRequestOptions>,
    client: DerivableClient,
  ): FinalRequestOptions | Promise<FinalRequestOptions> => {
    const attributed = (): FinalRequestOptions | Promise<FinalRequestOptions> => {
      if (!isPromise(options)) {
        const decision = decide(options, client, attributionOf(context, options));
        return isPromise(decision) ? decision.catch(fail) : decision;
      }
      // Options may be prepared asynchronously; the attribution is the one that holds now.
      const current = context.defaults.resolve();
      return options.then((resolved) => {
        try {
          const perCall = perCallAttribution(resolved);
          const attribution = perCall === undefined ? current : mergeAttribution(current, perCall);
          const decision = decide(resolved, client, attribution);
          return isPromise(decision) ? decision.catch(fail) : decision;
        } catch (error) {
          return fail(error);
        }
      });
    };
    let prepared: FinalRequestOptions | Promise<FinalRequestOptions>;
    try {
      prepared = attributed();
    } catch (error) {
      prepared = Promise.reject(asSdkError(error, errorBase) as Error);
    }
    if (isPromise(prepared)) Reflect.defineProperty(prepared, DECIDED, { value: true });
    return prepared;
  };

  // No private members: the derived client was not constructed by this class.
  class Guarded extends Base {
    constructor(options: object) {
      super(options);
      if (!isMetered(this.fetch)) this.fetch = meterFetch(this.fetch, context.guard);
      address.guard(this);
    }

    override withOptions(options: object): DerivableClient {
      return address.askedByClient(() => super.withOptions(options)) as DerivableClient;
    }

    override buildRequest(...args: unknown[]): Promise<unknown> {
      return address.askedByClient(() => super.buildRequest(...args));
    }

    override buildURL(path: string, query: unknown, defaultBaseURL?: string): string {
      address.check();
      return address.askedByClient(() => super.buildURL(path, query, defaultBaseURL));
    }

    override request(
      options: FinalRequestOptions | Promise<FinalRequestOptions>,
      remainingRetries?: number | null,
    ): unknown {
      return super.request(guarded(options, this), remainingRetries ?? null);
    }

    override prepareRequest(
      request: unknown,
      given: { url: string; options: FinalRequestOptions },
    ): Promise<void> {
      const prepared = super.prepareRequest(request, given);
      const pending = guardedRequestOf(given.options);
      if (pending === undefined) return prepared;
      return prepared.then(() => {
        try {
          const ready = pending.call.prepareAttempt();
          return isPromise(ready) ? ready.catch(fail) : undefined;
        } catch (error) {
          return fail(error);
        }
      });
    }

    override makeRequest(
      options: FinalRequestOptions | Promise<FinalRequestOptions>,
      retriesRemaining: number | null,
      retryOf: string | undefined,
    ): Promise<unknown> {
      // Some of the SDK's own ways (paged lists) come here without `request`.
      const own = isDecided(options) || retryOf !== undefined ? options : guarded(options, this);
      return super.makeRequest(own, retriesRemaining, retryOf).catch(async (error: unknown) => {
        const resolved = isPromise(own) ? await own.catch(() => undefined) : own;
        guardedRequestOf(resolved)?.call.abandon();
        throw error;
      });
    }
  }
  // The SDK sends the name of its class in the User-Agent.
  Object.defineProperty(Guarded, "name", { value: Base.name });
  return Object.assign(Guarded, { address });
}
