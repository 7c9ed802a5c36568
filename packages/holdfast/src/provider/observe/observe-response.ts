/**
 * @module Watches a fetch Response in place: the same object, the same headers, the same methods.
 */
/* oxlint-disable typescript/unbound-method -- methods are taken off the response to be called on it again */
import type { BodyObserver } from "./body-observer.ts";
import { observeStream } from "./observe-stream.ts";

/**
 * Every way to read the body reports to an observer. A body that is read as a whole (`text`, `json`) is observed as a
 * whole, which costs next to nothing; any other way is observed chunk by chunk.
 */
export function observeResponse(response: Response, createObserver: () => BodyObserver): void {
  const bodyOf = descriptorOf(response, "body")?.get;
  let watched = false;
  const watchBody = (): void => {
    if (watched) return;
    watched = true;
    const body = bodyOf === undefined ? response.body : (bodyOf.call(response) as object | null);
    if (body !== null && body !== undefined) observeStream(body, createObserver);
  };
  define(
    response,
    "text",
    wholeReader(response.text, (observer, text) => observer.text(text)),
  );
  define(
    response,
    "json",
    wholeReader(response.json, (observer, value) => {
      observer.json(value);
      return value;
    }),
  );
  for (const method of ["arrayBuffer", "blob", "bytes", "formData", "clone"] as const) {
    const original = response[method] as ((...args: unknown[]) => unknown) | undefined;
    if (typeof original !== "function") continue;
    define(response, method, (...args: unknown[]) => {
      watchBody();
      return original.apply(response, args);
    });
  }
  if (bodyOf !== undefined) {
    Object.defineProperty(response, "body", {
      configurable: true,
      enumerable: false,
      get: () => {
        watchBody();
        return bodyOf.call(response) as unknown;
      },
    });
  } else watchBody();

  function wholeReader<T>(read: () => Promise<T>, observe: (observer: BodyObserver, value: T) => T) {
    return (): Promise<T> => {
      // If the body is also watched in pieces, whoever sees the end first reports it; the second report is ignored.
      const observer = createObserver();
      return read.call(response).then(
        (value) => {
          const passed = observe(observer, value);
          observer.end("done");
          return passed;
        },
        (error: unknown) => {
          observer.end("failed");
          throw error;
        },
      );
    };
  }
}

function descriptorOf(object: object, key: string): PropertyDescriptor | undefined {
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const descriptor = Object.getOwnPropertyDescriptor(at, key);
    if (descriptor !== undefined) return descriptor;
  }
  return undefined;
}

function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, configurable: true, writable: true, enumerable: false });
}
