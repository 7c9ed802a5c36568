/* oxlint-disable typescript/unbound-method -- methods are taken off the prototype to be called on each response */
/**
 * @module Watches a fetch Response in place: the same object, the same headers, the same methods.
 *
 * The response gets one object in front of its own prototype, made once per kind of response. Redefining its methods one
 * by one would cost several microseconds a call.
 */
import type { BodyObserver } from "./body-observer.ts";
import { observeStream, type StreamOptions } from "./observe-stream.ts";

type Method = (this: Response, ...args: unknown[]) => unknown;

interface Watched {
  readonly createObserver: () => BodyObserver;
  readonly options: StreamOptions;
  /** The body is watched in pieces. */
  inPieces: boolean;
  /** A method that reads the body as a whole is taking its reader right now. */
  readingWhole: boolean;
}

/** A property, not a WeakMap: one entry per call in a WeakMap is dear for the garbage collector. */
const WATCHED: unique symbol = Symbol("holdfast.watched");
type WatchedResponse = Response & { [WATCHED]?: Watched };

const prototypes = new WeakMap<object, object>();

/**
 * Every way to read the body reports to an observer. A body that is read as a whole (`text`, `json`) is observed as a
 * whole, which costs next to nothing; any other way is observed chunk by chunk.
 */
export function observeResponse(
  response: Response,
  createObserver: () => BodyObserver,
  options: StreamOptions = {},
): void {
  const watched: Watched = { createObserver, options, inPieces: false, readingWhole: false };
  Object.defineProperty(response, WATCHED, { value: watched });
  const original = Object.getPrototypeOf(response) as object;
  let prototype = prototypes.get(original);
  if (prototype === undefined) prototypes.set(original, (prototype = watchedPrototype(original)));
  Object.setPrototypeOf(response, prototype);
}

/** Whether nobody has begun to read the body of this watched response, in any way. */
export function isUntouched(response: Response): boolean {
  return !response.bodyUsed && (response as WatchedResponse)[WATCHED]?.inPieces !== true;
}

function watchedPrototype(original: object): object {
  const prototype = Object.create(original) as object;
  const bodyOf = descriptorOf(original, "body")?.get;
  const watchBody = (response: Response): void => {
    const watched = (response as WatchedResponse)[WATCHED];
    if (watched === undefined || watched.inPieces) return;
    watched.inPieces = true;
    const body = bodyOf === undefined ? response.body : (bodyOf.call(response) as object | null);
    if (body === null || body === undefined) return;
    observeStream(body, watched.createObserver, {
      ...watched.options,
      isReadWhole: () => watched.readingWhole,
    });
  };
  const methodOf = (name: string): Method | undefined =>
    descriptorOf(original, name)?.value as Method | undefined;
  const define = (name: string, value: Method): void => {
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true, enumerable: false });
  };

  define(
    "text",
    wholeReader(methodOf("text")!, (observer, text) => observer.text(text as string)),
  );
  define(
    "json",
    wholeReader(methodOf("json")!, (observer, value) => {
      observer.json(value);
      return value;
    }),
  );
  for (const name of ["arrayBuffer", "blob", "bytes", "formData", "clone"]) {
    const method = methodOf(name);
    if (method === undefined) continue;
    define(name, function (...args) {
      watchBody(this);
      return method.apply(this, args);
    });
  }
  if (bodyOf !== undefined) {
    Object.defineProperty(prototype, "body", {
      configurable: true,
      enumerable: false,
      get(this: Response): unknown {
        watchBody(this);
        return bodyOf.call(this) as unknown;
      },
    });
  }
  return prototype;
}

function wholeReader(read: Method, observe: (observer: BodyObserver, value: unknown) => unknown): Method {
  return function () {
    const watched = (this as WatchedResponse)[WATCHED];
    if (watched === undefined) return read.call(this);
    // Fetch takes the reader of the body at once. If it is also read in pieces, whoever sees the end first reports it.
    watched.readingWhole = true;
    let reading: Promise<unknown>;
    try {
      reading = read.call(this) as Promise<unknown>;
    } finally {
      watched.readingWhole = false;
    }
    const observer = watched.createObserver();
    return reading.then(
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

function descriptorOf(object: object, key: string): PropertyDescriptor | undefined {
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const descriptor = Object.getOwnPropertyDescriptor(at, key);
    if (descriptor !== undefined) return descriptor;
  }
  return undefined;
}
