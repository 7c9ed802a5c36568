/**
 * @module The chat sessions of @google/generative-ai, guarded.
 *
 * A session builds its request from its history when the messages before have been answered. It is held for with that
 * history, and sent with that very history, although other messages may be answered while the store is being asked.
 */
import type { Body } from "../request/request-shape.ts";
import { plainModelName } from "./endpoint.ts";
import { contentOf, copyOf, optionsOf } from "./generative-ai-content.ts";
import type { ChatSession, SingleRequestOptions } from "./generative-ai-shape.ts";
import { guardMethod, settleAnswer, settleStream, type MethodCall } from "./guarded-method.ts";
import { withLimit, type RequestContext } from "./guarded-request.ts";

/** An object to put in front of the prototype of a session. */
export function guardedChatPrototype(plain: object, context: RequestContext): object {
  const original = plain as ChatSession;
  const methods: Partial<ChatSession> & ThisType<ChatSession> = {
    async sendMessage(request, givenOptions = {}) {
      const options = optionsOf(givenOptions);
      await this._sendPromise;
      const { given, call, pinned } = message(this, request, options, "generateContent");
      return guardMethod(
        context,
        call,
        (limit, own) => original.sendMessage.call(pinned(limit), given, own),
        (attempt, plan, { response }) => settleAnswer(attempt, plan, response),
      );
    },
    async sendMessageStream(request, givenOptions = {}) {
      const options = optionsOf(givenOptions);
      await this._sendPromise;
      const { given, call, pinned } = message(this, request, options, "streamGenerateContent");
      return guardMethod(
        context,
        call,
        (limit, own) => original.sendMessageStream.call(pinned(limit), given, own),
        settleStream,
      );
    },
  };
  const prototype = Object.create(plain) as object;
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  }
  return prototype;
}

function message(
  session: ChatSession,
  request: unknown,
  options: SingleRequestOptions,
  endpoint: "generateContent" | "streamGenerateContent",
): { given: unknown; call: MethodCall; pinned: (limit: Body) => ChatSession } {
  const given = copyOf(request);
  const history = copyOf(session._history);
  const { history: _, ...params } = copyOf(session.params ?? {}) as Record<string, unknown>;
  const fields = {
    ...params,
    contents: [...history, contentOf(given)],
    model: plainModelName(session.model),
  };
  return {
    given,
    call: { endpoint, fields, options, signal: options.signal ?? session._requestOptions?.signal },
    pinned: (limit) =>
      pin(
        session,
        history,
        Object.keys(limit).length === 0 ? params : withLimit(params, limit, "generationConfig"),
      ),
  };
}

/** The session as it is now, for one message; what the message adds goes into the session itself. */
function pin(session: ChatSession, history: readonly unknown[], params: Body): ChatSession {
  const own = {
    [Symbol.iterator]: () => history[Symbol.iterator](),
    push: (...contents: unknown[]) => session._history.push(...contents),
  };
  return Object.create(session, {
    params: { value: params },
    _history: { value: own },
    _sendPromise: {
      get: () => session._sendPromise,
      set: (promise: Promise<unknown>) => {
        session._sendPromise = promise;
      },
    },
  }) as ChatSession;
}
