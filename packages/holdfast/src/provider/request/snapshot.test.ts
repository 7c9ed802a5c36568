import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Body } from "./request-shape.ts";
import { snapshot } from "./snapshot.ts";

const json = (value: unknown): string | undefined => JSON.stringify(value) as string | undefined;

describe("snapshot", () => {
  it("is what would be sent", () => {
    const body = fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom("__proto__", "toString", "messages")),
      fc.anything({ withDate: true, withBoxedValues: true, withNullPrototype: true, withObjectString: true }),
    );
    fc.assert(
      fc.property(body, (given) => {
        expect(json(snapshot(given))).toBe(json(given));
      }),
    );
  });

  it.each<[string, unknown]>([
    ["a date", new Date(0)],
    ["a URL", new URL("https://example.org/a.png")],
    ["an object that writes itself", { toJSON: (key: string) => ({ wrote: key }) }],
    [
      "an object that writes an object that writes itself",
      { toJSON: () => ({ inner: { toJSON: () => "x" } }) },
    ],
    ["what is left out", { a: undefined, b: () => 1, c: Symbol("c"), d: [undefined, () => 1] }],
    ["boxed values", [Object("a"), Object(1), Object(true)]],
    [
      "a class",
      new (class Message {
        role = "user";
        content = "x";
        hidden = undefined;
      })(),
    ],
    ["an own __proto__", JSON.parse('{"__proto__":{"polluted":true}}')],
    ["the same object twice", ((one) => [one, one, { one }])({ a: 1 })],
  ])("takes %s as JSON does", (_, value) => {
    expect(json(snapshot({ value }))).toBe(json({ value }));
  });

  it("does not change when the application changes its object", () => {
    const given = { messages: [{ role: "user", content: "a" }], n: 1 };
    const taken = snapshot(given);
    given.messages.push({ role: "user", content: "b" });
    given.messages[0]!.content = "c";
    given.n = 9;
    expect(taken).toEqual({ messages: [{ role: "user", content: "a" }], n: 1 });
  });

  it("does not touch the application's object, frozen or not", () => {
    const given = Object.freeze({ a: Object.freeze({ b: 1 }) });
    expect(snapshot(given)).toEqual({ a: { b: 1 } });
  });

  it.each<[string, object]>([
    ["a file", new File(["x"], "a.wav")],
    ["a buffer", Buffer.from("x")],
    ["bytes", new Uint8Array(3)],
    ["a buffer of bytes", new ArrayBuffer(3)],
    ["a stream", new ReadableStream()],
    ["a response", new Response("x")],
  ])("keeps %s as it is", (_, upload) => {
    const value = snapshot({ file: upload })["file"];
    expect(upload instanceof Buffer ? json(value) : value).toBe(
      upload instanceof Buffer ? json(upload) : upload,
    );
  });

  it("refuses a body that contains itself in the words of JSON", () => {
    const ring: Record<string, unknown> = { a: 1 };
    ring["self"] = ring;
    ring["list"] = [ring];
    expect(() => snapshot(ring)).toThrow(/circular/i);
  });

  it("pollutes nothing", () => {
    snapshot(
      JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}') as Body,
    );
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});
