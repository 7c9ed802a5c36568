import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TokenEstimator } from "../../../estimate/token-estimator.ts";
import { audioMilliseconds, audioTokens, ContentTokens } from "./content-tokens.ts";
import { snapshot } from "../../request/snapshot.ts";

/** One token per six bytes: what a text is worth can be read off. */
const estimator: TokenEstimator = {
  name: "sixths",
  estimate: (text) => Math.ceil(Buffer.byteLength(text) / 6),
};

function count(value: unknown, model = "m"): ContentTokens {
  const content = new ContentTokens(estimator, model);
  content.add(value);
  return content;
}

const LONG = "word ".repeat(6_000);
const LONG_TOKENS = estimator.estimate(LONG, "m");

describe("text is counted wherever it is", () => {
  it.each<[string, unknown]>([
    ["bare", LONG],
    ["a message", { role: "user", content: LONG }],
    ["a content part", [{ role: "user", content: [{ type: "text", text: LONG }] }]],
    ["a part that is not known yet", { type: "hologram", payload: { deep: [{ deeper: LONG }] } }],
    ["a key", { [LONG]: 1 }],
    ["a name", { role: "user", name: LONG, content: "" }],
    ["a tool call", { tool_calls: [{ function: { name: "f", arguments: LONG } }] }],
    ["a schema", { parameters: { properties: { a: { type: "string", description: LONG } } } }],
    ["beside a picture", { type: "image_url", image_url: { url: "data:" }, caption: LONG }],
    ["deeper than any API takes", Array.from({ length: 100 }).reduce<unknown>((inner) => [inner], LONG)],
    ["an object that writes itself as text", snapshot({ content: { toJSON: () => LONG } })],
    ["a text object", snapshot({ content: Object(LONG) as unknown })],
  ])("%s", (_, value) => {
    expect(count(value).textTokens).toBeGreaterThanOrEqual(LONG_TOKENS);
  });

  it.each<[string, unknown, number]>([
    ["a number", 5, 1],
    ["true", true, 1],
    ["null", null, 1],
    ["a large number", 1.234567890123456e300, 4],
  ])("%s is a token or a few", (_, value, least) => {
    expect(count(value).textTokens).toBeGreaterThanOrEqual(least);
  });

  it.each([undefined, () => LONG, Symbol("s")])("what is not sent is not counted (%#)", (value) => {
    expect(count(value).textTokens).toBe(0);
    expect(count({ a: value }).textTokens).toBeLessThan(count({}).textTokens + 5);
  });

  it("grows with what is added, and never falls", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const both = new ContentTokens(estimator, "m");
        both.add(a);
        const before = both.textTokens;
        both.add(b);
        expect(both.textTokens).toBe(before + count(b).textTokens);
        expect(both.textTokens).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  it("is never below the text that any JSON holds", () => {
    const texts = (value: unknown): string[] =>
      typeof value === "string"
        ? [value]
        : Array.isArray(value)
          ? value.flatMap(texts)
          : typeof value === "object" && value !== null
            ? Object.values(value).flatMap(texts)
            : [];
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const least = texts(value).reduce((sum, text) => sum + Math.floor(Buffer.byteLength(text) / 6), 0);
        expect(count(value).textTokens).toBeGreaterThanOrEqual(least);
      }),
    );
  });
});

describe("content that goes round in circles", () => {
  it("never gets here, and does not cost the time of walking it", () => {
    let visits = 0;
    const ring = {
      get left(): unknown {
        visits += 1;
        if (visits > 20_000) throw new Error("walked for ever");
        return ring;
      },
      get right(): unknown {
        return ring;
      },
    };
    expect(() => count(snapshot({ ring }))).toThrow(/circular/i);
  });
});

describe("media", () => {
  const picture = "data:image/png;base64,".padEnd(1_000_000, "A");
  it.each<[string, unknown]>([
    ["chat", { type: "image_url", image_url: { url: picture, detail: "high" } }],
    ["responses", { type: "input_image", image_url: picture }],
    ["by id", { type: "input_image", file_id: "file-1" }],
    ["a screen", { type: "computer_screenshot", image_url: picture }],
  ])("a picture is counted as what it is billed as, not as its text: %s", (_, part) => {
    const { imageTokens, textTokens } = count([part, part]);
    expect(imageTokens).toBe(2 * count(part).imageTokens);
    expect(imageTokens).toBeGreaterThan(1_000);
    expect(textTokens).toBeLessThan(200);
  });

  // OpenAI, images and vision guide: patches (at most 1,536) x multiplier, or base + tiles (2048 x 768: 8 tiles) x tile.
  it.each([
    ["gpt-4o", 85 + 8 * 170],
    ["gpt-4.1", 85 + 8 * 170],
    ["gpt-5", 70 + 8 * 140],
    ["gpt-4.1-mini", Math.ceil(1_536 * 1.62)],
    ["gpt-5-mini", Math.ceil(1_536 * 1.62)],
    ["gpt-4.1-nano", Math.ceil(1_536 * 2.46)],
    ["gpt-5-nano", Math.ceil(1_536 * 2.46)],
    ["o4-mini", Math.ceil(1_536 * 1.72)],
    ["gpt-4o-mini", 2_833 + 8 * 5_667],
  ])("a picture for %s is never billed above what is counted (%d)", (model, tokens) => {
    const part = { type: "image_url", image_url: { url: picture } };
    expect(count(part, model).imageTokens).toBeGreaterThanOrEqual(tokens);
  });

  it.each([
    ["wav", 8_000],
    ["mp3", 640],
  ])("sound is counted by its length at the lowest usual rate: %s", (format, bytesPerSecond) => {
    const data = Buffer.alloc(bytesPerSecond * 60).toString("base64");
    const { audioTokens: tokens, textTokens } = count({ type: "input_audio", input_audio: { data, format } });
    expect(tokens).toBeGreaterThanOrEqual(600);
    expect(tokens).toBeLessThan(700);
    expect(textTokens).toBeLessThan(100);
  });

  it("sound that is not as expected is counted as text", () => {
    expect(count({ type: "input_audio", input_audio: LONG }).textTokens).toBeGreaterThanOrEqual(LONG_TOKENS);
  });

  it.each([
    [0, "wav", 0, 0],
    [8_000, "wav", 1_000, 10],
    [1, "wav", 1, 1],
    [640, "mp3", 1_000, 10],
    [640, "", 1_000, 10],
  ])("%d bytes of %j last at most %d ms and are %d tokens", (bytes, format, ms, tokens) => {
    expect([audioMilliseconds(bytes, format), audioTokens(bytes, format)]).toEqual([ms, tokens]);
  });
});

describe("what is only referred to", () => {
  it.each<[string, unknown, string | null]>([
    ["a file by id", { type: "file", file: { file_id: "f" } }, "a file"],
    ["a file", { type: "input_file", file_data: "A".repeat(1_000_000) }, "a file"],
    ["an item", { type: "item_reference", id: "i" }, "an item of an earlier response"],
    ["a spoken answer", { role: "assistant", audio: { id: "a" } }, "an earlier audio answer"],
    ["a user's word audio", { role: "user", audio: { id: "a" } }, null],
    ["plain text", { role: "user", content: "file" }, null],
  ])("%s", (_, part, refersTo) => {
    const content = count([{ role: "user", content: [part] }, part]);
    expect(content.refersTo).toBe(refersTo);
    expect(content.textTokens).toBeLessThan(300);
  });

  it("is named by the first of several", () => {
    expect(count([{ type: "item_reference" }, { type: "file", file: {} }]).refersTo).toBe(
      "an item of an earlier response",
    );
  });
});
