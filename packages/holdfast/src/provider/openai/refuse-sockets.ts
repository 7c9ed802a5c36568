/**
 * @module Sockets opened with a guarded client are refused.
 *
 * The SDK's WebSocket classes (realtime, responses over WebSocket, live) take a client for its address and its key and
 * then go around its `request` and `fetch`, where nothing can be held. What all of them must ask the client for, at
 * once and in their constructor, is its address: `baseURL`, or `buildURL`. A question that comes from one of them is
 * answered by the error; every other reader gets the address as ever.
 *
 * They are recognised by the files and names of openai 5.23 to 7.57 (2026-11). A bundler that renames both hides them;
 * the README says so.
 */
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import type { DerivableClient } from "./client-shape.ts";

const SOCKET_FRAMES: RegExp =
  /[\\/](?:realtime|live|responses)[\\/](?:[\w-]+[\\/])?(?:ws|websocket|ws-base|internal-base)\.[cm]?[jt]s\b|\b(?:OpenAI)?(?:Realtime|Responses|Live)\w*(?:WS|WebSocket)\b/;

/** The SDK's own questions for the address, on the way of a request; they need no second look. */
const asking = new WeakMap<object, number>();

/** Runs the synchronous part of one of the client's own methods. */
export function askedByClient<T>(client: object, work: () => T): T {
  asking.set(client, (asking.get(client) ?? 0) + 1);
  try {
    return work();
  } finally {
    asking.set(client, asking.get(client)! - 1);
  }
}

/** @throws {CallNotAllowedError} when the question comes from a WebSocket class. */
export function refuseSocket(client: object): void {
  if ((asking.get(client) ?? 0) > 0) return;
  const { stack } = new Error("asked for the address");
  if (stack === undefined || !SOCKET_FRAMES.test(stack)) return;
  throw new CallNotAllowedError(
    "A WebSocket opened with this client would be billed where no hold can follow it. Use HTTP requests, or let sockets " +
      'through unmetered: createHoldfast({ allow: ["realtime"] }).',
  );
}

/** Puts the question before the answer of `client.baseURL`. */
export function guardAddress(client: DerivableClient): void {
  let { baseURL } = client;
  Object.defineProperty(client, "baseURL", {
    configurable: true,
    enumerable: true,
    get: () => {
      refuseSocket(client);
      return baseURL;
    },
    set: (value: string) => {
      baseURL = value;
    },
  });
}
