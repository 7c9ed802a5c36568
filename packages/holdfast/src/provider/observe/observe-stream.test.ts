import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drain } from "../../../test/support/watched-response.ts";
import type { BodyEnd, BodyObserver } from "./body-observer.ts";
import { observeStream, type StreamOptions } from "./observe-stream.ts";

const encoder = new TextEncoder();
const bytesOf = (...pieces: string[]): Uint8Array[] => pieces.map((piece) => encoder.encode(piece));

function streamOf(...pieces: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(bytesOf(...pieces)) as ReadableStream<Uint8Array>;
}

/** Watches, and remembers the first end that each observer was told of. */
function watch(stream: object, options?: StreamOptions): { readonly ends: BodyEnd[]; seen(): string } {
  const ends: BodyEnd[] = [];
  const seen: Uint8Array[] = [];
  observeStream(
    stream,
    (): BodyObserver => {
      let ended = false;
      return {
        chunk: (bytes) => {
          seen.push(bytes.slice());
          return bytes;
        },
        rest: () => undefined,
        text: (text) => text,
        json: () => undefined,
        end: (how) => {
          if (!ended) ends.push(how);
          ended = true;
        },
      };
    },
    options,
  );
  return { ends, seen: () => Buffer.concat(seen).toString() };
}

describe("an iterator of the stream", () => {
  it("behaves as the platform's own after the end", async () => {
    for (const observed of [false, true]) {
      const stream = streamOf("a");
      if (observed) watch(stream);
      const iterator = stream[Symbol.asyncIterator]();
      expect((await iterator.next()).done).toBe(false);
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
      expect(await iterator.return?.("x" as never)).toEqual({ done: true, value: "x" });
      expect(stream.locked).toBe(false);
    }
  });

  it("behaves as the platform's own after it was left", async () => {
    for (const observed of [false, true]) {
      const stream = streamOf("a", "b");
      if (observed) watch(stream);
      const iterator = stream[Symbol.asyncIterator]();
      await iterator.next();
      expect(await iterator.return?.("x" as never)).toEqual({ done: true, value: "x" });
      expect(await iterator.return?.("y" as never)).toEqual({ done: true, value: "y" });
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
      expect(stream.locked).toBe(false);
    }
  });

  it("behaves as the platform's own after a failure", async () => {
    for (const observed of [false, true]) {
      const error = new Error("lost");
      const stream = new ReadableStream<Uint8Array>({
        pull: () => {
          throw error;
        },
      });
      if (observed) watch(stream);
      const iterator = stream[Symbol.asyncIterator]();
      await expect(iterator.next()).rejects.toBe(error);
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    }
  });

  it("answers several next() at once, in order", async () => {
    for (const observed of [false, true]) {
      const stream = streamOf("a", "b");
      if (observed) watch(stream);
      const iterator = stream[Symbol.asyncIterator]();
      const results = await Promise.all([iterator.next(), iterator.next(), iterator.next(), iterator.next()]);
      expect(results.map(({ done }) => done)).toEqual([false, false, true, true]);
    }
  });

  it("leaves the stream open when it was asked to", async () => {
    const stream = streamOf("a", "b");
    const watched = watch(stream);
    for await (const _ of stream.values({ preventCancel: true })) break;
    expect(watched.ends).toEqual([]);
    expect(await drain(stream)).toBe("b");
    expect([watched.ends, watched.seen()]).toEqual([["done"], "ab"]);
  });
});

describe("readers", () => {
  it("one after the other share what they saw", async () => {
    const stream = streamOf("a", "b");
    const watched = watch(stream);
    const first = stream.getReader();
    await first.read();
    first.releaseLock();
    expect(await drain(stream)).toBe("b");
    expect([watched.ends, watched.seen()]).toEqual([["done"], "ab"]);
  });

  it("that fill the application's own buffer are seen too", async () => {
    const source = new ReadableStream({
      type: "bytes",
      start: (controller) => {
        controller.enqueue(encoder.encode("abc"));
        controller.close();
      },
    });
    const watched = watch(source);
    const reader = source.getReader({ mode: "byob" });
    const { value } = await reader.read(new Uint8Array(10));
    expect(Buffer.from(value ?? []).toString()).toBe("abc");
    await reader.read(new Uint8Array(10));
    expect([watched.ends, watched.seen()]).toEqual([["done"], "abc"]);
  });

  it("cannot have the stream together, with the platform's own error", () => {
    const stream = streamOf("a");
    watch(stream);
    stream.getReader();
    expect(() => stream.getReader()).toThrow(TypeError);
    expect(() => stream[Symbol.asyncIterator]()).toThrow(TypeError);
    expect(() => stream.tee()).toThrow(TypeError);
  });

  it("read past the end as often as they like", async () => {
    const stream = streamOf("a");
    const watched = watch(stream);
    const reader = stream.getReader();
    while (!(await reader.read()).done);
    expect(await reader.read()).toEqual({ done: true, value: undefined });
    await reader.closed;
    expect(watched.ends).toEqual(["done"]);
  });
});

describe("a stream of Node's (node-fetch)", () => {
  const nodeStream = (...pieces: string[]): Readable =>
    Readable.from(bytesOf(...pieces), { objectMode: false });

  it("is seen by iterating it", async () => {
    const stream = nodeStream("ab", "cd");
    const watched = watch(stream);
    const pieces: Uint8Array[] = [];
    for await (const piece of stream) pieces.push(piece as Uint8Array);
    expect(Buffer.concat(pieces).toString()).toBe("abcd");
    expect([watched.ends, watched.seen()]).toEqual([["done"], "abcd"]);
  });

  it("that is left is destroyed", async () => {
    const stream = nodeStream("ab", "cd");
    const watched = watch(stream);
    for await (const _ of stream) break;
    expect([watched.ends, stream.destroyed]).toEqual([["cancelled"], true]);
  });

  it("that fails says so", async () => {
    const error = new Error("lost");
    const stream = new Readable({ read: () => stream.destroy(error) });
    const watched = watch(stream);
    await expect(
      (async () => {
        for await (const _ of stream);
      })(),
    ).rejects.toBe(error);
    expect(watched.ends).toEqual(["failed"]);
  });
});

describe("a reader that is let go", () => {
  /** Never ends by itself. */
  function endless(): { readonly stream: ReadableStream<Uint8Array>; readonly cancelled: () => boolean } {
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(encoder.encode("a")),
      cancel: () => {
        cancelled = true;
      },
    });
    return { stream, cancelled: () => cancelled };
  }

  it("leaves the stream to the next one", async () => {
    const { stream, cancelled } = endless();
    const { ends } = watch(stream);
    const reader = stream.getReader();
    await reader.read();
    reader.releaseLock();
    expect([cancelled(), ends, stream.locked]).toEqual([false, [], false]);
  });

  it("takes the stream with it where that is asked for", async () => {
    const { stream, cancelled } = endless();
    const { ends } = watch(stream, { releaseCancels: true });
    const reader = stream.getReader();
    await reader.read();
    reader.releaseLock();
    reader.releaseLock();
    expect([cancelled(), ends, stream.locked]).toEqual([true, ["cancelled"], false]);
  });

  it("changes nothing at the end, after a failure and after a cancellation", async () => {
    const read = async (stream: ReadableStream<Uint8Array>): Promise<BodyEnd[]> => {
      const { ends } = watch(stream, { releaseCancels: true });
      const reader = stream.getReader();
      try {
        while (!(await reader.read()).done);
      } catch {
        // As the application would hear of it.
      }
      reader.releaseLock();
      return ends;
    };
    expect(await read(streamOf("a", "b"))).toEqual(["done"]);
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error("gone")),
    });
    expect(await read(broken)).toEqual(["failed"]);
  });

  it("does not matter to an iterator that is asked to leave the stream open", async () => {
    const { stream, cancelled } = endless();
    watch(stream, { releaseCancels: true });
    for await (const _ of stream.values({ preventCancel: true })) break;
    expect([cancelled(), stream.locked]).toEqual([false, false]);
  });
});

it("a stream is observed once, however often it is asked for", async () => {
  const stream = streamOf("a");
  const watched = watch(stream);
  const again = watch(stream);
  expect(await drain(stream)).toBe("a");
  expect([watched.ends, again.ends]).toEqual([["done"], []]);
});

it("what is no stream is left alone", () => {
  for (const odd of [{}, { getReader: 7 }, new Map()]) expect(() => watch(odd)).not.toThrow();
});

it("bytes pass unchanged, whatever they are and however they arrive", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 10 }),
      async (pieces) => {
        const stream = ReadableStream.from(pieces) as ReadableStream<Uint8Array>;
        const watched = watch(stream);
        const received: Uint8Array[] = [];
        for await (const piece of stream) received.push(piece);
        expect(received).toEqual(pieces);
        expect(watched.ends).toEqual(["done"]);
      },
    ),
  );
});
