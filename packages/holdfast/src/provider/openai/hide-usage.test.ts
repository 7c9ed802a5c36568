import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { filteredText } from "../observe/observe-answer.ts";
import { UsageHider } from "./hide-usage.ts";

const withoutUsage = (text: string): string => filteredText(text, new UsageHider());

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What comes out when the stream arrives in these pieces. */
function hide(pieces: readonly Uint8Array[]): Uint8Array {
  const hider = new UsageHider();
  const out = pieces.map((piece) => hider.chunk(piece));
  const rest = hider.rest();
  return Buffer.concat(rest === undefined ? out : [...out, rest]);
}

const hideText = (text: string): string => decoder.decode(hide([encoder.encode(text)]));

function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const cuts = [...new Set(at.map((one) => one % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [0, ...cuts].map((from, i) => bytes.subarray(from, cuts[i] ?? bytes.length));
}

const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
const chunk = (content: string) => ({ id: "c", choices: [{ index: 0, delta: { content } }] });
const line = (data: unknown): string => `data: ${typeof data === "string" ? data : JSON.stringify(data)}`;

describe("what is taken out", () => {
  const stream = (...events: unknown[]): string => events.map((event) => `${line(event)}\n\n`).join("");

  it.each<[string, unknown[], unknown[]]>([
    ["the usage event", [chunk("a"), { id: "c", choices: [], usage }, "[DONE]"], [chunk("a"), "[DONE]"]],
    ["usage: null behind a chunk", [{ ...chunk("a"), usage: null }, "[DONE]"], [chunk("a"), "[DONE]"]],
    [
      "both",
      [
        { ...chunk("a"), usage: null },
        { ...chunk("b"), usage: null },
        { id: "c", choices: [], usage },
        "[DONE]",
      ],
      [chunk("a"), chunk("b"), "[DONE]"],
    ],
  ])("%s", (_, sent, passed) => {
    expect(hideText(stream(...sent))).toBe(stream(...passed));
  });

  it.each<[string, unknown]>([
    [
      "an event without choices that carries something else (Azure)",
      { id: "c", choices: [], prompt_filter_results: [] },
    ],
    ["choices that are not empty, with usage", { ...chunk("a"), usage }],
    ["an error", { error: { message: "overloaded" } }],
    ["text that looks like it", chunk(',"usage":null')],
    ["text that looks like the event", chunk('data: {"choices":[],"usage":{"total_tokens":3}}\n\n')],
    ["text that speaks of choices", chunk('"choices":[]')],
    [
      "a tool call that holds it as text",
      { choices: [{ delta: { tool_calls: [{ function: { arguments: '{"a":1,"usage":null}' } }] } }] },
    ],
    ["garbage", "{nonsense"],
    ["a comment's worth of nothing", "ping"],
    ["the end", "[DONE]"],
  ])("nothing of %s", (_, event) => {
    expect(hideText(stream(event))).toBe(stream(event));
  });

  it("a nested usage: null of the answer stays", () => {
    const event = { id: "c", choices: [{ delta: { extra: { a: 1, usage: null } } }], usage: null };
    expect(hideText(stream(event))).toBe(
      stream({ id: "c", choices: [{ delta: { extra: { a: 1, usage: null } } }] }),
    );
  });

  it("is found when the server writes its JSON with spaces", () => {
    const spaced = (value: unknown): string =>
      JSON.stringify(value).replaceAll('":', '": ').replaceAll(',"', ', "');
    const sent = [
      { ...chunk("a"), usage: null },
      { id: "c", choices: [], usage },
    ].map(spaced);
    const events = hideText(stream(...sent, "[DONE]"))
      .split("\n\n")
      .filter((event) => event.startsWith("data: {"))
      .map((event) => JSON.parse(event.slice(6)) as { choices: unknown[]; usage?: unknown });
    // What the application reads: choices[0] of every chunk, and no usage that it did not ask for.
    expect(events.map(({ choices }) => choices.length)).toEqual([1]);
    expect(events.map((event) => event.usage ?? "none")).toEqual(["none"]);
  });

  it.each(["\n\n", "\r\n\r\n"])("with the line end %j", (end) => {
    const sent = [line({ ...chunk("a"), usage: null }), line({ choices: [], usage }), line("[DONE]")].map(
      (one) => one + end,
    );
    expect(hideText(sent.join(""))).toBe([line(chunk("a")), line("[DONE]")].map((one) => one + end).join(""));
  });

  it("an event with a name, an id and a comment keeps them", () => {
    const event = `: ping\nevent: message\nid: 7\n${line({ ...chunk("a"), usage: null })}\n\n`;
    expect(hideText(event)).toBe(`: ping\nevent: message\nid: 7\n${line(chunk("a"))}\n\n`);
  });
});

describe("how it is passed on", () => {
  it("bytes that need no change are the very same bytes", () => {
    const bytes = encoder.encode(`${line(chunk("a"))}\n\n`);
    expect(new UsageHider().chunk(bytes)).toBe(bytes);
  });

  it("an event in pieces waits until it is whole", () => {
    const hider = new UsageHider();
    const [one, two] = cut(encoder.encode(`${line(chunk("a"))}\n\n`), [10]);
    expect(hider.chunk(one!).byteLength).toBe(0);
    expect(decoder.decode(hider.chunk(two!))).toBe(`${line(chunk("a"))}\n\n`);
    expect(hider.rest()).toBeUndefined();
  });

  it("an event that never became whole comes out at the end as it is, once", () => {
    const hider = new UsageHider();
    hider.chunk(encoder.encode('data: {"choi'));
    expect(decoder.decode(hider.rest())).toBe('data: {"choi');
    expect(hider.rest()).toBeUndefined();
  });

  it("empty pieces are harmless", () => {
    const hider = new UsageHider();
    expect(hider.chunk(new Uint8Array(0)).byteLength).toBe(0);
    expect(hider.rest()).toBeUndefined();
  });
});

describe("any stream", () => {
  /** Content that tries to look like what is taken out, and characters of every length in UTF-8. */
  const content = fc.array(
    fc.oneof(
      fc.constantFrom(
        ',"usage":null',
        '"choices":[]',
        'data: {"choices":[],"usage":{}}',
        "\n\n",
        "\r\n\r\n",
        "\r",
        "\\",
        '"',
        "é",
        "漢",
        "😀",
        "\ud800",
        "[DONE]",
      ),
      fc.string({ maxLength: 6 }),
    ),
    { maxLength: 5 },
  );
  const event = fc.oneof(
    {
      weight: 6,
      arbitrary: content.map((parts) => ({ kind: "chunk" as const, data: chunk(parts.join("")) })),
    },
    { weight: 2, arbitrary: fc.constant({ kind: "usage" as const, data: { id: "c", choices: [], usage } }) },
    {
      weight: 1,
      arbitrary: fc.constant({
        kind: "azure" as const,
        data: { id: "c", choices: [], prompt_filter_results: [] },
      }),
    },
  );
  const stream = fc
    .record({
      events: fc.array(event, { maxLength: 8 }),
      crlf: fc.boolean(),
      tail: fc.constantFrom("", 'data: {"id":"cut', "data: [DONE]"),
      comments: fc.boolean(),
    })
    .map(({ events, crlf, tail, comments }) => {
      const newline = crlf ? "\r\n" : "\n";
      const write = (data: unknown): string =>
        `${comments ? `: keep-alive${newline}` : ""}${line(data)}${newline}${newline}`;
      return {
        sent:
          events.map(({ kind, data }) => write(kind === "usage" ? data : { ...data, usage: null })).join("") +
          tail,
        asked:
          events
            .filter(({ kind }) => kind !== "usage")
            .map(({ data }) => write(data))
            .join("") + tail,
      };
    });

  it("comes out as if usage had not been asked for, however its bytes arrive", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(2_000), { maxLength: 12 }), ({ sent, asked }, cuts) => {
        const bytes = encoder.encode(sent);
        expect(decoder.decode(hide(cut(bytes, cuts)))).toBe(decoder.decode(encoder.encode(asked)));
      }),
      { numRuns: 500 },
    );
  });

  it("comes out the same byte by byte, and as one text", () => {
    fc.assert(
      fc.property(stream, ({ sent, asked }) => {
        const bytes = encoder.encode(sent);
        const expected = decoder.decode(encoder.encode(asked));
        expect(decoder.decode(hide(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))))).toBe(expected);
        expect(withoutUsage(decoder.decode(bytes))).toBe(expected);
      }),
    );
  });

  it("that asked for nothing passes through unchanged, whatever its bytes are", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.array(fc.nat(300), { maxLength: 6 }),
        (bytes, cuts) => {
          expect(Buffer.compare(hide(cut(bytes, cuts)), bytes)).toBe(0);
        },
      ),
    );
  });
});
