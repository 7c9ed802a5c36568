/**
 * @module Watches a ReadableStream in place.
 *
 * The stream stays the very object that fetch made: what reads it natively still does, back pressure, cancellation and
 * errors are the stream's own. Only the ways to read it are intercepted, each by a plain function; wrapping it in
 * another stream would cost a microsecond per chunk, and `tee` or `clone` would keep a generation alive that the
 * application has cancelled.
 */
import type { BodyObserver } from "./body-observer.ts";

type ReadResult = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>["read"]>>;
type PipeOptions = Parameters<ReadableStream["pipeTo"]>[1];

/** The part of ReadableStream that is used and intercepted. */
interface StreamLike {
  getReader?: (options?: unknown) => ReadableStreamDefaultReader<Uint8Array>;
  cancel?: (reason?: unknown) => Promise<void>;
  tee?: () => [StreamLike, StreamLike];
  [Symbol.asyncIterator]?: (options?: { preventCancel?: boolean }) => AsyncIterator<Uint8Array>;
}

export interface StreamOptions {
  /**
   * A reader that is let go before the end takes the stream with it: for an SDK that only releases its reader when the
   * application leaves early, and then keeps the connection, and the generation, going for nobody.
   * @default false
   */
  readonly releaseCancels?: boolean | undefined;
  /** Asked when a reader is taken: whoever reads the whole body is observed elsewhere, and reads the bare stream. */
  readonly isReadWhole?: (() => boolean) | undefined;
}

/** What is kept of an observed web stream, by the methods in front of its prototype. */
interface Observed {
  readonly createObserver: () => BodyObserver;
  readonly options: StreamOptions;
  /** One stream has one reader at a time, so all ways to read it share an observer. */
  observer: BodyObserver | undefined;
}

/** A property, not a WeakMap: one entry per call in a WeakMap is dear for the garbage collector. */
const OBSERVED: unique symbol = Symbol("holdfast.observed");
type ObservedStream = StreamLike & { [OBSERVED]?: Observed };

export function observeStream(
  stream: object,
  createObserver: () => BodyObserver,
  options: StreamOptions = {},
): void {
  if (Object.hasOwn(stream, OBSERVED)) return;
  const target = stream as ObservedStream;
  const observed: Observed = { createObserver, options, observer: undefined };
  Object.defineProperty(target, OBSERVED, { value: observed });
  if (typeof target.getReader === "function") observeWebStream(target);
  else if (typeof target[Symbol.asyncIterator] === "function") observeIterable(target, createObserver());
}

const prototypes = new WeakMap<object, object>();

/**
 * The stream gets one object in front of its prototype, made once per kind of stream. A stream with methods of its own
 * (somebody else watches it as well) has them replaced instead, one by one.
 */
function observeWebStream(stream: ObservedStream): void {
  if (WAYS_TO_READ.some((name) => Object.hasOwn(stream, name))) {
    override(stream, waysToRead(stream));
    return;
  }
  const original = Object.getPrototypeOf(stream) as object;
  let prototype = prototypes.get(original);
  if (prototype === undefined) {
    prototype = Object.create(original) as object;
    override(prototype, waysToRead(original as StreamLike));
    prototypes.set(original, prototype);
  }
  Object.setPrototypeOf(stream, prototype);
}

const WAYS_TO_READ = ["getReader", "cancel", "tee", "pipeTo", "pipeThrough", "values", Symbol.asyncIterator];

function observerOf({ [OBSERVED]: observed }: ObservedStream): BodyObserver {
  return (observed!.observer ??= observed!.createObserver());
}

/** @param native where the stream's own ways to read it are */
function waysToRead(native: StreamLike): Record<PropertyKey, unknown> {
  const getReader = native.getReader!;
  const { cancel, tee } = native;
  const observedReader = (
    stream: ObservedStream,
    readerOptions?: unknown,
    onOver?: () => void,
  ): ReadableStreamDefaultReader<Uint8Array> => {
    const { isReadWhole, releaseCancels = false } = stream[OBSERVED]!.options;
    const reader = getReader.call(stream, readerOptions);
    if (isReadWhole?.() === true) return reader;
    // A byte reader fills the caller's own buffer; it is handed out as it is and only its end is seen.
    const watched = watchReader(reader, observerOf(stream), readerOptions !== undefined, onOver);
    // Iterating over the stream has its own way of leaving early.
    return releaseCancels && onOver === undefined ? cancelWhenReleased(watched) : watched;
  };
  /** For the readers that reach into the stream: they get a stream of the observed bytes. */
  const passThrough = (stream: ObservedStream): ReadableStream<Uint8Array> => {
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          reader ??= observedReader(stream);
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: (reason) => (reader ??= observedReader(stream)).cancel(reason),
      },
      { highWaterMark: 0 },
    );
  };
  const iterate = function (
    this: ObservedStream,
    options?: { preventCancel?: boolean },
  ): AsyncIterableIterator<Uint8Array> {
    return iterateReader(
      (onOver) => observedReader(this, undefined, onOver),
      options?.preventCancel === true,
    );
  };
  return {
    getReader(this: ObservedStream, options?: unknown) {
      return observedReader(this, options);
    },
    cancel(this: ObservedStream, reason?: unknown) {
      const inVain = (this as { locked?: boolean }).locked === true;
      const result = cancel?.call(this, reason) ?? Promise.resolve();
      // A stream that somebody is reading cannot be cancelled past its reader.
      if (!inVain) observerOf(this).end("cancelled");
      return result;
    },
    tee(this: ObservedStream) {
      const { createObserver } = this[OBSERVED]!;
      const branches = tee!.call(this);
      for (const branch of branches) observeStream(branch, startingWith(createObserver(), createObserver));
      return branches;
    },
    pipeTo(this: ObservedStream, destination: WritableStream<Uint8Array>, options?: PipeOptions) {
      return passThrough(this).pipeTo(destination, options);
    },
    pipeThrough(
      this: ObservedStream,
      pair: ReadableWritablePair<unknown, Uint8Array>,
      options?: PipeOptions,
    ) {
      return passThrough(this).pipeThrough(pair, options);
    },
    values: iterate,
    [Symbol.asyncIterator]: iterate,
  };
}

/** Both branches count as readers from the start, whichever is read first. */
function startingWith(first: BodyObserver, createObserver: () => BodyObserver): () => BodyObserver {
  let next: BodyObserver | undefined = first;
  return () => {
    const observer = next ?? createObserver();
    next = undefined;
    return observer;
  };
}

/** @param onOver called when there is nothing more to read */
function watchReader(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  observer: BodyObserver,
  byob: boolean,
  onOver?: () => void,
): ReadableStreamDefaultReader<Uint8Array> {
  const read = reader.read.bind(reader) as (...args: unknown[]) => Promise<ReadResult>;
  const cancel = reader.cancel.bind(reader);
  let pastEnd = false;
  const onResult = (result: ReadResult): ReadResult | Promise<ReadResult> => {
    if (result.done) {
      if (!pastEnd) {
        pastEnd = true;
        const rest = observer.rest();
        observer.end("done");
        if (rest !== undefined) return { done: false, value: rest as Uint8Array<ArrayBuffer> };
      }
      onOver?.();
      return result;
    }
    const passed = observer.chunk(result.value);
    if (byob || passed === result.value) return result;
    // Nothing to pass on yet: an empty chunk would be a chunk that the server never sent.
    return passed.byteLength === 0
      ? observedRead()
      : { done: false, value: passed as Uint8Array<ArrayBuffer> };
  };
  const onError = (error: unknown): never => {
    observer.end("failed");
    onOver?.();
    throw error;
  };
  const observedRead = (...args: unknown[]): Promise<ReadResult> => read(...args).then(onResult, onError);
  override(reader, {
    read: observedRead,
    cancel: (reason?: unknown) => {
      const result = cancel(reason);
      observer.end("cancelled");
      return result;
    },
  });
  return reader;
}

function cancelWhenReleased(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): ReadableStreamDefaultReader<Uint8Array> {
  const release = reader.releaseLock.bind(reader);
  let released = false;
  override(reader, {
    releaseLock: () => {
      if (!released) {
        released = true;
        // At the end, or after a failure, there is nothing left to cancel.
        reader.cancel().catch(() => undefined);
      }
      release();
    },
  });
  return reader;
}

/** As the stream's own iterator: leaving early cancels the stream, unless it was asked not to. */
function iterateReader(
  open: (onOver: () => void) => ReadableStreamDefaultReader<Uint8Array>,
  preventCancel: boolean,
): AsyncIterableIterator<Uint8Array> {
  let over = false;
  const leave = (): void => {
    if (over) return;
    over = true;
    reader.releaseLock();
  };
  const reader = open(leave);
  const iterator: AsyncIterableIterator<Uint8Array> = {
    // A result of the reader is one of the iterator: no further step per chunk.
    next: () =>
      over
        ? Promise.resolve({ done: true, value: undefined })
        : (reader.read() as Promise<IteratorResult<Uint8Array>>),
    return: async (value?: unknown) => {
      if (!over) {
        const cancelled = preventCancel ? undefined : reader.cancel(value);
        leave();
        await cancelled;
      }
      return { done: true, value };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

/** Bodies that are Node streams (node-fetch) are read by iterating them. */
function observeIterable(stream: StreamLike, observer: BodyObserver): void {
  const iterate = stream[Symbol.asyncIterator]!.bind(stream);
  override(stream, {
    [Symbol.asyncIterator]: (): AsyncIterableIterator<Uint8Array> => {
      const inner = iterate();
      let pastEnd = false;
      const next = async (): Promise<IteratorResult<Uint8Array>> => {
        try {
          for (;;) {
            const result = await inner.next();
            if (result.done === true) {
              if (pastEnd) return result;
              pastEnd = true;
              const rest = observer.rest();
              observer.end("done");
              return rest === undefined ? result : { done: false, value: rest };
            }
            const passed = observer.chunk(result.value);
            if (passed.byteLength > 0) return { done: false, value: passed };
          }
        } catch (error) {
          observer.end("failed");
          throw error;
        }
      };
      const iterator: AsyncIterableIterator<Uint8Array> = {
        next,
        return: async (value?: unknown) => {
          observer.end("cancelled");
          return (await inner.return?.(value)) ?? { done: true, value };
        },
        [Symbol.asyncIterator]: () => iterator,
      };
      return iterator;
    },
  });
}

function override(target: object, methods: Record<PropertyKey, unknown>): void {
  for (const key of Reflect.ownKeys(methods)) {
    Object.defineProperty(target, key, {
      value: methods[key as string],
      configurable: true,
      writable: true,
      enumerable: false,
    });
  }
}
