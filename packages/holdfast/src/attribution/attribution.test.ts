import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AttributionError } from "../error/attribution-error.ts";
import { mergeAttribution, NO_ATTRIBUTION, type Attribution } from "./attribution.ts";

/** As JSON.parse or a YAML reader makes them: `__proto__` is an own key. */
const own = (json: string): Attribution => JSON.parse(json) as Attribution;

describe("mergeAttribution", () => {
  it("lets later tags win", () => {
    const merged = mergeAttribution({ team: "a", user: "1" }, { user: "2", agent: "x" }, { user: "3" });
    expect({ ...merged }).toEqual({ team: "a", user: "3", agent: "x" });
  });

  it("treats undefined as left out: it neither adds a tag nor takes one away", () => {
    const merged = mergeAttribution({ user: "1", team: undefined }, { user: undefined }, undefined);
    expect({ ...merged }).toEqual({ user: "1" });
    expect("team" in merged).toBe(false);
  });

  it.each([[[]], [[undefined]], [[{}]], [[{ user: undefined }]], [[NO_ATTRIBUTION]]] as const)(
    "of %j is empty",
    (parts) => expect(Object.keys(mergeAttribution(...parts))).toEqual([]),
  );

  it("keeps an empty text: it is a value", () => {
    expect(mergeAttribution({ user: "1" }, { user: "" })["user"]).toBe("");
  });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty", "then"])("takes %s as a tag", (tag) => {
    const merged = mergeAttribution(own(`{"${tag}":"x"}`));
    expect(Object.keys(merged)).toEqual([tag]);
    expect(merged[tag]).toBe("x");
    expect(Object.getPrototypeOf(merged)).toBeNull();
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  it.each(["constructor", "toString", "__proto__"])("has no tag %s that nobody gave", (tag) => {
    expect(mergeAttribution({ user: "1" })[tag]).toBeUndefined();
  });

  it("takes own tags only", () => {
    expect(Object.keys(mergeAttribution(Object.create({ user: "inherited" }) as Attribution))).toEqual([]);
  });

  it.each([
    [7, "number"],
    [null, "null"],
    [true, "boolean"],
    [7n, "bigint"],
    [Symbol("s"), "symbol"],
    [{ id: "u" }, "object"],
    [["u"], "object"],
    [Object("u"), "object"],
    [() => "u", "function"],
  ])("refuses a value of type %s, naming the tag and the way out", (value, type) => {
    const merge = (): unknown => mergeAttribution({ team: "a" }, { user: value } as unknown as Attribution);
    expect(merge).toThrow(AttributionError);
    expect(merge).toThrow(
      `Attribution "user" must be a string, not ${type}; convert it first, as in String(id).`,
    );
    try {
      merge();
    } catch (error) {
      expect((error as AttributionError).tag).toBe("user");
    }
  });

  it("never puts a refused value into the message", () => {
    const secret = { toString: () => "sk-secret", toJSON: () => "sk-secret" };
    expect(() => mergeAttribution({ apiKey: secret } as unknown as Attribution)).toThrow(/^(?!.*sk-secret)/s);
  });

  it("is frozen, and apart from what it was made of", () => {
    const given = { user: "1" };
    const merged = mergeAttribution(given);
    given.user = "2";
    expect(merged["user"]).toBe("1");
    expect(Object.isFrozen(merged)).toBe(true);
  });

  it("is right-biased and associative for any tags", () => {
    const part = fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "user", "tenant")),
      fc.option(fc.string(), { nil: undefined }),
    );
    fc.assert(
      fc.property(part, part, part, (a, b, c) => {
        const plain = (merged: Attribution): [string, string | undefined][] =>
          Object.keys(merged)
            .sort()
            .map((tag) => [tag, merged[tag]]);
        const all = plain(mergeAttribution(a, b, c));
        expect(plain(mergeAttribution(mergeAttribution(a, b), c))).toEqual(all);
        expect(plain(mergeAttribution(a, mergeAttribution(b, c)))).toEqual(all);
        const expected = new Map<string, string>();
        for (const one of [a, b, c])
          for (const tag of Object.keys(one)) if (one[tag] !== undefined) expected.set(tag, one[tag]);
        expect(new Map(all)).toEqual(expected);
      }),
    );
  });
});
