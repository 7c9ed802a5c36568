/**
 * @module Sockets opened with a guarded client are refused.
 *
 * The SDK's WebSocket classes (realtime, responses over WebSocket, live) take a client for its address and its key and
 * then go around its `request` and `fetch`, where nothing can be held. What all of them must ask the client for, at
 * once and in their constructor, is its address: `baseURL`, or `buildURL`. A question that comes from one of them is
 * answered by the error; every other reader gets the address as ever. Where a client keeps its address to itself
 * (BedrockOpenAI), its key is asked about instead.
 *
 * They are recognised by the files and names of openai 5.23 to 7.57 (2026-11). A bundler that renames both hides them;
 * the README says so.
 */
import { CallNotAllowedError } from "../../error/call-not-allowed-error.ts";
import type { DerivableClient } from "./client-shape.ts";

const SOCKET_FRAMES: RegExp =
  /[\\/]openai[^\\/]*[\\/](?:[^\n]*[\\/])?(?:realtime|live|responses)[\\/](?:[\w-]+[\\/])?(?:ws|websocket|ws-base|internal-base)\.[cm]?[jt]s\b|\bnew (?:OpenAIRealtime\w*|ResponsesWS|LiveWS|SidebandWS|ForksWS)\b/;

/** The stack of the caller, deep enough whatever the application has set. */
function callers(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 20;
  try {
    return new Error("asked for the address").stack ?? "";
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

export interface AddressGuard {
  /** Runs the synchronous part of one of the client's own methods, whose questions need no second look. */
  askedByClient<T>(work: () => T): T;
  /** @throws {CallNotAllowedError} when the question comes from a WebSocket class. */
  check(): void;
  /** Puts the question before the answer of `client.baseURL`. */
  guard(client: DerivableClient): void;
}

/** One for all clients that are derived from one wrapped client. */
export function createAddressGuard(socketsAllowed: boolean): AddressGuard {
  let askedByClients = 0;
  const check = (): void => {
    if (askedByClients > 0 || socketsAllowed) return;
    if (!SOCKET_FRAMES.test(callers())) return;
    throw new CallNotAllowedError(
      "A WebSocket opened with this client would be billed where no hold can follow it. Use HTTP requests, or let " +
        'sockets through unmetered: createHoldfast({ allow: ["realtime"] }).',
    );
  };
  return {
    check,
    askedByClient(work) {
      askedByClients += 1;
      try {
        return work();
      } finally {
        askedByClients -= 1;
      }
    },
    guard(client) {
      if (socketsAllowed) return;
      const isOpen = Object.getOwnPropertyDescriptor(client, "baseURL")?.configurable !== false;
      ask(client, isOpen ? "baseURL" : "apiKey", check);
    },
  };
}

/** Puts a check before every look at a property; its own accessors, where it has them, go on working. */
function ask(client: object, name: "baseURL" | "apiKey", check: () => void): void {
  const own = Object.getOwnPropertyDescriptor(client, name);
  let value: unknown = own?.get === undefined ? own?.value : undefined;
  Object.defineProperty(client, name, {
    configurable: true,
    enumerable: true,
    get: (): unknown => {
      check();
      return own?.get === undefined ? value : (own.get.call(client) as unknown);
    },
    set: (given: unknown) => {
      if (own?.set === undefined) value = given;
      else own.set.call(client, given);
    },
  });
}
