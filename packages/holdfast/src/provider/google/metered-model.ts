/** @module The models of @google/generative-ai, guarded. */
import type { Usage } from "../../usage/usage.ts";
import { isObject, type Body } from "../request/request-shape.ts";
import { readCount } from "./exact-count.ts";
import { plainModelName } from "./endpoint.ts";
import { contentOf, copyOf, isContents, optionsOf, withFields } from "./generative-ai-content.ts";
import type { GenerativeModel, SingleRequestOptions } from "./generative-ai-shape.ts";
import { guardMethod, settleAnswer, settleStream, type MethodCall } from "./guarded-method.ts";
import { withLimit, type RequestContext } from "./guarded-request.ts";
import { guardedChatPrototype } from "./metered-chat.ts";
import { spellingIn } from "./request/spelling.ts";

/** What a model adds to each of its requests. */
const MODEL_FIELDS = [
  "generationConfig",
  "safetySettings",
  "tools",
  "toolConfig",
  "systemInstruction",
] as const;

/** How long a call waits for its count, ms. */
const COUNT_TIMEOUT_MS = 2_000;

/** An object to put in front of the prototype of a model. */
export function guardedModelPrototype(original: GenerativeModel, context: RequestContext): object {
  const chats = new WeakMap<object, object>();
  const methods: Partial<GenerativeModel> & ThisType<GenerativeModel> = {
    generateContent(request, givenOptions = {}) {
      const options = optionsOf(givenOptions);
      const { model, given, call } = generation(this, request, options, "generateContent", original);
      return guardMethod(
        context,
        call,
        (limit, own) =>
          original.generateContent.call(limited(model, given, limit), limitedRequest(given, limit), own),
        (attempt, plan, { response }) => settleAnswer(attempt, plan, response),
      );
    },
    generateContentStream(request, givenOptions = {}) {
      const options = optionsOf(givenOptions);
      const { model, given, call } = generation(this, request, options, "streamGenerateContent", original);
      return guardMethod(
        context,
        call,
        (limit, own) =>
          original.generateContentStream.call(
            limited(model, given, limit),
            limitedRequest(given, limit),
            own,
          ),
        settleStream,
      );
    },
    embedContent(request, givenOptions = {}) {
      const options = optionsOf(givenOptions);
      const given = copyOf(request);
      const fields = isContents(given) ? { content: contentOf(given) } : (given as Body);
      const call = { endpoint: "embedContent", ...common(this, options, fields) } as const;
      return guardMethod(
        context,
        call,
        (_, own) => original.embedContent.call(this, given, own),
        settleAnswer,
      );
    },
    batchEmbedContents(request, givenOptions = {}) {
      const options = optionsOf(givenOptions);
      const given = copyOf(request);
      const call = { endpoint: "batchEmbedContents", ...common(this, options, given as Body) } as const;
      return guardMethod(
        context,
        call,
        (_, own) => original.batchEmbedContents.call(this, given, own),
        settleAnswer,
      );
    },
    startChat(params) {
      const chat = original.startChat.call(this, params);
      const plain = Object.getPrototypeOf(chat) as object;
      let prototype = chats.get(plain);
      if (prototype === undefined) chats.set(plain, (prototype = guardedChatPrototype(plain, context)));
      Object.setPrototypeOf(chat, prototype);
      return chat;
    },
  };
  const prototype = Object.create(original) as object;
  for (const [name, value] of Object.entries(methods)) {
    // As in the SDK, whatever goes wrong is a rejection.
    const method = value as (...args: unknown[]) => unknown;
    const guarded =
      name === "startChat"
        ? method
        : function (this: unknown, ...args: unknown[]): unknown {
            try {
              return method.apply(this, args);
            } catch (error) {
              return Promise.reject(error as Error);
            }
          };
    Object.defineProperty(prototype, name, { value: guarded, configurable: true, writable: true });
  }
  return prototype;
}

/** A request for content, as one copy that nobody changes: what is held for is what is sent. */
function generation(
  model: GenerativeModel,
  request: unknown,
  options: SingleRequestOptions,
  endpoint: "generateContent" | "streamGenerateContent",
  original: GenerativeModel,
): { model: GenerativeModel; given: unknown; call: MethodCall } {
  const own: Record<string, unknown> = {};
  for (const field of MODEL_FIELDS) own[field] = copyOf(model[field]);
  const pinned = withFields(model, own);
  const given = copyOf(request);
  const fields = {
    ...own,
    cachedContent: model.cachedContent?.name,
    ...(isContents(given) ? { contents: [contentOf(given)] } : (given as Body)),
  };
  const count = async (): Promise<Usage | undefined> => {
    try {
      const asked = { generateContentRequest: { ...fields, model: model.model } };
      return readCount(
        await original.countTokens.call(pinned, asked, { ...options, timeout: COUNT_TIMEOUT_MS }),
      );
    } catch {
      return undefined;
    }
  };
  return { model: pinned, given, call: { endpoint, ...common(model, options, fields), count } };
}

function common(
  model: GenerativeModel,
  options: SingleRequestOptions,
  fields: Body,
): Pick<MethodCall, "fields" | "options" | "signal"> {
  return {
    fields: { ...fields, model: plainModelName(model.model) },
    options,
    signal: options.signal ?? model._requestOptions?.signal,
  };
}

/** The limit belongs where the settings of the request are: with it, or with its model. */
function limited(model: GenerativeModel, given: unknown, limit: Body): GenerativeModel {
  if (Object.keys(limit).length === 0 || hasOwnConfig(given)) return model;
  return withFields(
    model,
    withLimit({ generationConfig: model.generationConfig }, limit, "generationConfig"),
  );
}

function limitedRequest(given: unknown, limit: Body): unknown {
  return Object.keys(limit).length > 0 && hasOwnConfig(given)
    ? withLimit(given, limit, "generationConfig")
    : given;
}

function hasOwnConfig(given: unknown): given is Body {
  return isObject(given) && given[spellingIn(given, "generationConfig")] !== undefined;
}
