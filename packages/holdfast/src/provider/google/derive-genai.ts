/**
 * @module The client that comes out of `wrapGoogle` for a `GoogleGenAI`.
 *
 * The same class with the same settings over a guarded transport: the client and its transport are cloned by structure
 * (their private members are TypeScript's), and every module is made anew by its own constructor, since its methods are
 * bound to the transport that it was made with.
 */
import { mergeAttribution, type Attribution } from "../../attribution/attribution.ts";
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import { ClientNotSupportedError } from "../../error/client-not-supported-error.ts";
import type { AttributionContext } from "../../guard/attribution-context.ts";
import { admitEndpoint } from "../admit-endpoint.ts";
import { isObject } from "../request/request-shape.ts";
import { perCallAttribution } from "../per-call-attribution.ts";
import {
  MODULES,
  takesFetch,
  ON_DEMAND,
  type ApiClient,
  type GenAI,
  type Interactions,
  type Live,
} from "./client-shape.ts";
import type { RequestContext } from "./guarded-request.ts";
import { OpenedResponses } from "./opened-responses.ts";
import { meterApiClient } from "./metered-api-client.ts";
import { guardedFetch, meterInteractions } from "./metered-interactions.ts";

type ModuleClass = new (...parts: readonly unknown[]) => Record<string, unknown>;

export function deriveGenAI(client: GenAI, context: RequestContext): GenAI {
  const api = meterApiClient(client.apiClient, context);
  const derived = cloneOf(client);
  set(derived, "apiClient", api);
  for (const name of ON_DEMAND) if (Object.hasOwn(derived, name)) set(derived, name, undefined);
  for (const name of MODULES) {
    const module = client[name];
    if (isObject(module)) set(derived, name, new (module.constructor as ModuleClass)(api));
  }
  carryAttribution(derived.models as Record<string, unknown>, context);
  const batches = derived["batches"];
  if (isObject(batches)) carryAttribution(batches as Record<string, unknown>, context);
  const chats = new ((client["chats"] as object).constructor as ModuleClass)(derived.models, api);
  closeUnreadStreams(chats, context.guard.context);
  set(derived, "chats", chats);
  set(derived, "live", guardLive(client.live, api, context));
  guardOwnStack(derived, client.apiClient, context);
  return derived;
}

/** Members with an HTTP stack of their own, which takes a fetch of the transport; before 2.23 it took none. */
const OWN_STACK: readonly string[] = [
  "agents",
  "credentials",
  "environments",
  "interactions",
  "triggers",
  "voices",
  "webhooks",
];

function guardOwnStack(derived: GenAI, bare: ApiClient, context: RequestContext): void {
  if (!takesFetch(bare)) {
    for (const name of [...OWN_STACK, "getNextGenClient"]) if (name in derived) refuseMember(derived, name);
    return;
  }
  const own = bare.getFetch?.();
  define(derived.apiClient, "getFetch", () => guardedFetch(context, own));
  const { interactions } = derived;
  if (interactions === undefined) return;
  checkInteractions(interactions, derived.apiClient);
  meterInteractions(interactions, derived.apiClient, own, context);
}

function refuseMember(derived: GenAI, name: string): void {
  Object.defineProperty(derived, name, {
    configurable: true,
    get: () => {
      throw new CallNotAllowedError(
        `The ${name} of this version of @google/genai send past everything that could be held. Use version 2.23 or later.`,
      );
    },
  });
}

function checkInteractions(interactions: Interactions, api: ApiClient): void {
  const inner = interactions as unknown as Record<string, unknown>;
  if (typeof inner["create"] === "function" && inner["parentClient"] === api) return;
  throw new ClientNotSupportedError(
    "This GoogleGenAI client cannot be wrapped: its interactions do not use its apiClient, so they could not be guarded.",
  );
}

/**
 * The attribution that holds where a method is called is that of all of its requests, also of those that a stream makes
 * while somebody else reads it.
 */
function carryAttribution(models: Record<string, unknown>, { guard }: RequestContext): void {
  for (const name of Object.keys(models)) {
    const method = models[name];
    if (typeof method !== "function") continue;
    const carried = (params: unknown, ...rest: unknown[]): unknown => {
      const current = guard.context.current();
      let attribution: Attribution | undefined;
      try {
        attribution = attributionHere(current, params);
      } catch (error) {
        return Promise.reject(error as Error);
      }
      const work = (): unknown => method(params, ...rest);
      if (!name.endsWith("Stream")) return guard.context.resume(attribution, work);
      const opened = new OpenedResponses(current, attribution);
      const streaming = guard.context.resume(opened.attribution, work) as Promise<object>;
      return streaming.then((stream) => bind(stream, opened, guard.context));
    };
    Object.defineProperty(carried, "name", { value: name });
    models[name] = carried;
  }
}

/** A chat reads the stream of its model in a generator of its own, which may be closed unread as well. */
function closeUnreadStreams(chats: Record<string, unknown>, context: AttributionContext): void {
  const create = chats["create"];
  if (typeof create !== "function") return;
  define(chats, "create", (params: unknown): unknown => {
    const chat: unknown = create.call(chats, params);
    const send = isObject(chat) ? chat["sendMessageStream"] : undefined;
    if (typeof send !== "function") return chat;
    define(chat as object, "sendMessageStream", async (message: unknown): Promise<object> => {
      const current = context.current();
      const opened = new OpenedResponses(current, current);
      const stream = await context.resume(opened.attribution, (): unknown => send.call(chat, message));
      return bind(stream as object, opened, context);
    });
    return chat;
  });
}

/** `attributed(...)` is given as the `config` of a call. */
function attributionHere(current: Attribution | undefined, params: unknown): Attribution | undefined {
  const config = isObject(params) ? params["config"] : undefined;
  const perCall = typeof config === "object" && config !== null ? perCallAttribution(config) : undefined;
  return perCall === undefined ? current : mergeAttribution(current, perCall);
}

/** The same generator, which does all of its work in the given context. Closed unread, it lets go of what it has opened. */
function bind(stream: object, opened: OpenedResponses, context: AttributionContext): object {
  const generator = stream as Record<string, unknown>;
  for (const name of ["next", "return", "throw"]) {
    const step = generator[name];
    if (typeof step !== "function") continue;
    define(generator, name, (value: unknown) => {
      if (name === "next") opened.leaveToReader();
      else opened.cancel();
      return context.resume(opened.attribution, (): unknown => step.call(generator, value));
    });
  }
  return stream;
}

/** Sockets go around everything that can hold. */
function guardLive(live: Live, api: ApiClient, { guard, provider }: RequestContext): Live {
  const refusing = <L extends { connect: (params: unknown) => Promise<unknown> }>(
    inner: L,
    name: string,
  ): L => {
    const guarded = cloneOf(inner);
    if (Object.hasOwn(guarded, "apiClient")) set(guarded, "apiClient", api);
    const connect = inner.connect;
    define(guarded, "connect", async (params: unknown) => {
      admitEndpoint(guard, provider, { kind: "bypass", bypass: "realtime" }, () => name);
      return connect.call(guarded, params);
    });
    return guarded;
  };
  const guarded = refusing(live, "live.connect");
  if (live.music !== undefined) set(guarded, "music", refusing(live.music, "live.music.connect"));
  return guarded;
}

function cloneOf<T extends object>(object: T): T {
  return Object.create(
    Object.getPrototypeOf(object) as object,
    Object.getOwnPropertyDescriptors(object),
  ) as T;
}

/** As the SDK's own constructor would. */
function set(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, enumerable: true, writable: true });
}

function define(target: object, name: string, value: (...args: never[]) => unknown): void {
  Object.defineProperty(value, "name", { value: name, configurable: true });
  Object.defineProperty(target, name, { value, configurable: true, enumerable: false, writable: true });
}
