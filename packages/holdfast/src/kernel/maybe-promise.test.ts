import { describe, expect, it } from "vitest";
import { chain, isPromise } from "./maybe-promise.ts";

describe("isPromise", () => {
  const thenable = { then: () => undefined };
  it.each([
    [Promise.resolve(1), true],
    [thenable, true],
    [{ then: 1 }, false],
    [{}, false],
    [null, false],
    [undefined, false],
    [0, false],
    ["then", false],
    [() => undefined, false],
  ])("%# is %s", (value, expected) => {
    expect(isPromise(value as unknown)).toBe(expected);
  });
});

describe("chain", () => {
  it("goes on at once when the value is ready", () => {
    const order: string[] = [];
    const result = chain(1, (value) => {
      order.push("next");
      return value + 1;
    });
    order.push("after");
    expect([result, order]).toEqual([2, ["next", "after"]]);
  });

  it("goes on later when the value is promised", async () => {
    const order: string[] = [];
    const result = chain(Promise.resolve(1), (value) => {
      order.push("next");
      return value + 1;
    });
    order.push("after");
    expect(isPromise(result)).toBe(true);
    expect([await result, order]).toEqual([2, ["after", "next"]]);
  });

  it("flattens what the next step promises", async () => {
    expect(await chain(1, (value) => Promise.resolve(value + 1))).toBe(2);
    expect(await chain(Promise.resolve(1), (value) => Promise.resolve(value + 1))).toBe(2);
  });

  it("throws what the next step throws: now for a ready value, in the promise for a promised one", async () => {
    const fail = (): never => {
      throw new Error("next failed");
    };
    expect(() => chain(1, fail)).toThrow("next failed");
    await expect(chain(Promise.resolve(1), fail)).rejects.toThrow("next failed");
  });

  it("does not take the next step after a rejection", async () => {
    let taken = false;
    const result = chain(Promise.reject(new Error("lost")), () => {
      taken = true;
    });
    await expect(result).rejects.toThrow("lost");
    expect(taken).toBe(false);
  });
});
