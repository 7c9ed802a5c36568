import { describe, expect, it } from "vitest";
import type { Attribution } from "../attribution/attribution.ts";
import { AttributionError } from "../error/attribution-error.ts";
import { AttributionContext, AttributionDefaults } from "./attribution-context.ts";

const plain = (attribution: Attribution | undefined): object | undefined =>
  attribution === undefined ? undefined : { ...attribution };

describe("AttributionContext", () => {
  it("is empty outside", () => {
    expect(new AttributionContext().current()).toBeUndefined();
  });

  it("holds within the work, and gives back what the work gives", () => {
    const context = new AttributionContext();
    expect(context.run({ user: "1" }, () => plain(context.current()))).toEqual({ user: "1" });
    expect(context.current()).toBeUndefined();
  });

  it("nests: tags add up, the inner value wins, and the outer one is back afterwards", () => {
    const context = new AttributionContext();
    context.run({ tenant: "t", user: "outer" }, () => {
      context.run({ user: "inner", agent: "a" }, () => {
        expect(plain(context.current())).toEqual({ tenant: "t", user: "inner", agent: "a" });
        context.run({ user: undefined }, () => expect(context.current()?.user).toBe("inner"));
      });
      expect(plain(context.current())).toEqual({ tenant: "t", user: "outer" });
    });
  });

  it("follows asynchronous work, and parallel work does not mix", async () => {
    const context = new AttributionContext();
    const work = async (user: string): Promise<(string | undefined)[]> =>
      context.run({ user }, async () => {
        const seen: (string | undefined)[] = [];
        for (let turn = 0; turn < 3; turn++) {
          await new Promise((resolve) => setImmediate(resolve));
          seen.push(context.current()?.user);
        }
        return seen;
      });
    expect(await Promise.all(["a", "b", "c"].map(work))).toEqual([
      ["a", "a", "a"],
      ["b", "b", "b"],
      ["c", "c", "c"],
    ]);
  });

  it("is over when the work throws or rejects", async () => {
    const context = new AttributionContext();
    const fail = (): never => {
      throw new Error("work");
    };
    expect(() => context.run({ user: "1" }, fail)).toThrow("work");
    await expect(context.run({ user: "1" }, () => Promise.reject(new Error("later")))).rejects.toThrow(
      "later",
    );
    expect(context.current()).toBeUndefined();
  });

  it("does not run the work with tags that are not text", () => {
    let ran = false;
    const run = (): unknown =>
      new AttributionContext().run({ user: 7 } as unknown as Attribution, () => {
        ran = true;
      });
    expect(run).toThrow(AttributionError);
    expect(ran).toBe(false);
  });

  it("belongs to one instance", () => {
    const one = new AttributionContext();
    const other = new AttributionContext();
    one.run({ user: "1" }, () => expect(other.current()).toBeUndefined());
  });
});

describe("AttributionDefaults", () => {
  it.each<[string, Attribution | undefined, Attribution | undefined, Attribution | undefined, object]>([
    ["nothing at all", undefined, undefined, undefined, {}],
    ["defaults", { agent: "d" }, undefined, undefined, { agent: "d" }],
    [
      "the context over the defaults",
      { agent: "d", team: "d" },
      { agent: "c" },
      undefined,
      { agent: "c", team: "d" },
    ],
    [
      "the call over both",
      { agent: "d" },
      { agent: "c", user: "c" },
      { agent: "p" },
      { agent: "p", user: "c" },
    ],
    ["the call without a context", { agent: "d" }, undefined, { user: "p" }, { agent: "d", user: "p" }],
    [
      "undefined takes nothing away",
      { agent: "d" },
      { agent: undefined },
      { agent: undefined },
      { agent: "d" },
    ],
  ])("%s", (_, defaults, current, perCall, expected) => {
    const context = new AttributionContext();
    const resolver = new AttributionDefaults(context, defaults);
    const resolve = (): object => ({ ...resolver.resolve(perCall) });
    expect(current === undefined ? resolve() : context.run(current, resolve)).toEqual(expected);
  });

  it("answers one object per context, so that its scopes are worked out once", () => {
    const context = new AttributionContext();
    const defaults = new AttributionDefaults(context, { agent: "d" });
    const [first, second] = context.run({ user: "1" }, () => [defaults.resolve(), defaults.resolve()]);
    expect(first).toBe(second);
    expect(defaults.resolve()).toBe(defaults.resolve());
    expect(context.run({ user: "2" }, () => defaults.resolve())).not.toBe(first);
  });

  it("refuses a value that is not text, in the defaults and in the call", () => {
    const context = new AttributionContext();
    const bad = { user: 7 } as unknown as Attribution;
    expect(() => new AttributionDefaults(context, bad)).toThrow(AttributionError);
    expect(() => new AttributionDefaults(context, {}).resolve(bad)).toThrow(AttributionError);
  });
});
