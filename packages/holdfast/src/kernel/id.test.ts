import { describe, expect, it } from "vitest";
import { createIdSource } from "./id.ts";
import { keySegment } from "./key-segment.ts";

const many = (source: () => string): string[] => Array.from({ length: 5_000 }, source);

describe("createIdSource", () => {
  it("counts behind the given prefix", () => {
    const next = createIdSource("p");
    expect([next(), next(), next()]).toEqual(["p.1", "p.2", "p.3"]);
  });

  it("never repeats an id", () => {
    expect(new Set(many(createIdSource())).size).toBe(5_000);
  });

  it("two sources never meet", () => {
    const sources = Array.from({ length: 20 }, () => createIdSource());
    const ids = sources.flatMap((source) => Array.from({ length: 50 }, source));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("numbers ids in the order in which they were made", () => {
    const counts = many(createIdSource("p")).map((id) => Number.parseInt(id.slice(2), 36));
    expect(counts).toEqual(counts.map((_, index) => index + 1));
  });

  it("makes ids that fit into a key as they are, with 96 random bits", () => {
    const id = createIdSource()();
    expect(keySegment(id)).toBe(id);
    expect(id).toMatch(/^[A-Za-z0-9_-]{16}\.1$/);
  });
});
