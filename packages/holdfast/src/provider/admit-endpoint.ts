/** @module What may leave at all: metered requests, free ones, and what the configuration lets through by name. */
import { CallNotAllowedError } from "../error/call-not-allowed-error.ts";
import type { Guard } from "../guard/guard.ts";
import type { EndpointClass } from "./endpoint-class.ts";

/**
 * @param describe the request in words, for messages and events: method and path, nothing that can carry content
 * @returns the metered endpoint, or undefined when the request is none of our business
 * @throws {CallNotAllowedError} when it would be billed where no hold can follow it, or may be
 */
export function admitEndpoint<E extends string>(
  guard: Guard,
  provider: string,
  endpoint: EndpointClass<E>,
  describe: () => string,
): E | undefined {
  switch (endpoint.kind) {
    case "free":
      return undefined;
    case "bypass":
      if (!guard.settings.allow.has(endpoint.bypass)) {
        throw new CallNotAllowedError(
          `${describe()} starts work that is billed where no hold can follow it (${endpoint.bypass}). ` +
            `To let it through unmetered, allow it: createHoldfast({ allow: ["${endpoint.bypass}"] }).`,
        );
      }
      reportUnmetered(guard, provider, "allowed-bypass", describe);
      return undefined;
    case "unknown":
      if (guard.settings.unknownEndpoint === "refuse") {
        throw new CallNotAllowedError(
          `${describe()} is not an endpoint that Holdfast knows, so it may be billed unseen. ` +
            `To let such requests through with an event, set unknownEndpoint: "alarm".`,
        );
      }
      reportUnmetered(guard, provider, "unknown-endpoint", describe);
      return undefined;
    case "metered":
      return endpoint.endpoint;
  }
}

/** Method and path without query: a path can carry ids, a query can carry anything. */
export function describeRequest(method: string, path: string): string {
  return `${method.toUpperCase()} ${path.replace(/[?#].*$/s, "").slice(0, 120)}`;
}

/** Something was let through that is not counted. */
export function reportUnmetered(
  guard: Guard,
  provider: string,
  what: "unknown-endpoint" | "allowed-bypass",
  describe: () => string,
): void {
  guard.emitter.emit("call-unmetered", () => ({
    id: guard.nextId(),
    atMs: guard.clock.now(),
    provider,
    what,
    subject: describe(),
  }));
}
