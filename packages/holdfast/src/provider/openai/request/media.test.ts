import { describe, expect, it } from "vitest";
import type { TokenEstimator } from "../../../estimate/token-estimator.ts";
import {
  shapeOfEmbedding,
  shapeOfImage,
  shapeOfModeration,
  shapeOfSpeech,
  shapeOfTranscription,
} from "./media.ts";
import type { Body } from "../../request/request-shape.ts";
import { describeUpload, fieldsOf } from "../../request/upload.ts";

const estimator: TokenEstimator = {
  name: "sixths",
  estimate: (text) => Math.ceil(Buffer.byteLength(text) / 6),
};
const LONG = "word ".repeat(6_000);
const LONG_TOKENS = estimator.estimate(LONG, "m");
describe("embeddings and moderations", () => {
  it("have no output", () => {
    expect(shapeOfEmbedding({ model: "m", input: "a" }, estimator).output.kind).toBe("none");
    expect(shapeOfModeration({ input: LONG })).toMatchObject({
      textTokens: 0,
      usageWhenSilent: {},
      output: { kind: "none" },
    });
  });

  it.each<[string, unknown, number]>([
    ["a text", LONG, LONG_TOKENS],
    ["texts", [LONG, LONG], 2 * LONG_TOKENS],
    ["tokens", Array.from({ length: 300 }, () => 1), 300],
    ["lists of tokens", [[1, 2, 3], [4]], 4],
    ["nothing", undefined, 0],
  ])("embedding input: %s", (_, input, least) => {
    expect(shapeOfEmbedding({ model: "m", input }, estimator).textTokens).toBeGreaterThanOrEqual(least);
  });
});

describe("images", () => {
  const image = (body: Body, inputs = 0) => shapeOfImage({ model: "m", ...body }, estimator, inputs);
  it.each<[string, Body, choices: number, limit: number]>([
    ["one", { prompt: "x" }, 1, 6_240],
    ["several", { n: 3, quality: "low" }, 3, 408],
    ["several, as a form says it", { n: "3", quality: "medium" }, 3, 1_584],
    ["high", { quality: "high" }, 1, 6_240],
    ["auto is the dearest of the usual", { quality: "auto" }, 1, 6_240],
    ["max", { quality: "max" }, 1, 24_960],
    ["partial pictures", { quality: "low", partial_images: 3 }, 1, 708],
    ["large", { quality: "high", size: "4096x4096" }, 1, 24_960],
    ["nonsense", { n: "x", partial_images: null, quality: "__proto__" }, 1, 6_240],
  ])("%s", (_, body, choices, limit) => {
    expect(image(body).output).toMatchObject({ kind: "image", choices, limit });
  });

  it("counts the prompt and the pictures that are sent", () => {
    expect(image({ prompt: LONG }, 2)).toMatchObject({ otherInput: { inputImageTokens: 13_000, images: 1 } });
    expect(image({ prompt: LONG }).textTokens).toBeGreaterThanOrEqual(LONG_TOKENS);
  });
});

describe("sound", () => {
  it("speech is counted by its characters, and consumes what it held when nothing is reported", () => {
    const speech = shapeOfSpeech({ model: "m", input: "abc", instructions: "slowly" }, estimator);
    expect(speech).toMatchObject({
      otherInput: { characters: 3 },
      output: { kind: "audio", limit: 6 },
      usageWhenSilent: { characters: 3, outputAudioTokens: 6 },
    });
    expect(speech.textTokens).toBeGreaterThanOrEqual(2);
  });

  it.each<[string, Body, number]>([
    ["letters", { input: "x".repeat(100) }, 200],
    ["what is not a letter may be a word", { input: "1".repeat(100) }, 1_000],
    ["another script", { input: "漢".repeat(100) }, 1_000],
    ["slowly", { input: "x".repeat(100), speed: 0.25 }, 800],
    ["fast is held as at normal speed", { input: "x".repeat(100), speed: 4 }, 200],
    ["nothing", {}, 0],
  ])("speech of %s is held long enough", (_, body, least) => {
    expect(shapeOfSpeech({ model: "m", ...body }, estimator).output.limit).toBeGreaterThanOrEqual(least);
  });

  it.each<[string, number | null, number]>([
    ["talk.wav", 8_000, 1_000],
    ["TALK.WAV", 8_000, 1_000],
    ["talk.mp3", 640, 1_000],
    ["", 640, 1_000],
    ["talk.mp3", null, 40_960_000],
    ["talk.mp3", 1e12, 40_960_000],
  ])("a recording %j of %d bytes lasts at most %d ms", (name, bytes, ms) => {
    const shape = shapeOfTranscription({ model: "m" }, estimator, { name, bytes }, true);
    expect(shape.otherInput.audioMs).toBe(ms);
    expect(shape.usageWhenSilent).toBeNull();
  });

  it.each([
    [{ response_format: "text" }, true],
    [{ response_format: "srt" }, true],
    [{ response_format: "vtt" }, true],
    [{ response_format: "json" }, false],
    [{}, false],
  ])("a transcript %j is silent: %s", (body, silent) => {
    const shape = shapeOfTranscription(
      { model: "m", ...body },
      estimator,
      { name: "a.wav", bytes: 8_000 },
      true,
    );
    expect(shape.usageWhenSilent !== null).toBe(silent);
    expect(
      shapeOfTranscription({ model: "m" }, estimator, { name: "a.wav", bytes: 8_000 }, false).usageWhenSilent,
    ).not.toBeNull();
  });
});

describe("uploads", () => {
  it.each<[string, Body, object]>([
    ["none, of which nothing is known", {}, { count: 0, bytes: null, name: "" }],
    ["a file", { file: new File(["12345"], "a.wav") }, { count: 1, bytes: 5, name: "a.wav" }],
    ["several", { file: [new File(["12"], "a"), new File(["345"], "b")] }, { count: 2, bytes: 5, name: "a" }],
    ["bytes", { file: new Uint8Array(7) }, { count: 1, bytes: 7, name: "" }],
    ["a stream", { file: { path: "a.mp3", read: () => undefined } }, { count: 1, bytes: null, name: "" }],
    [
      "a size that cannot be trusted",
      { file: { size: -5, name: "x" } },
      { count: 1, bytes: null, name: "x" },
    ],
    ["null", { file: null }, { count: 0, bytes: null, name: "" }],
    ["one known, one not", { file: [{ size: 5 }, { size: "5" }] }, { count: 2, bytes: null, name: "" }],
  ])("%s", (_, body, expected) => {
    expect(describeUpload(body, ["file"])).toEqual(expected);
  });

  it("the fields of a form are those of an object", () => {
    const form = new FormData();
    form.append("model", "m");
    form.append("image[]", "a");
    form.append("image[]", "b");
    form.append("image[]", "c");
    form.append("__proto__", "p");
    const fields = fieldsOf(form);
    expect(fields["model"]).toBe("m");
    expect(fields["image[]"]).toEqual(["a", "b", "c"]);
    expect(Object.keys(fields)).toContain("__proto__");
    for (const odd of [undefined, null, "x", 7, ["a"]]) expect(fieldsOf(odd)).toEqual({});
  });
});
