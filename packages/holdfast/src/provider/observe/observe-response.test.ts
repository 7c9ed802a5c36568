import { describe, expect, it } from "vitest";
import { drain, watchedResponse } from "../../../test/support/watched-response.ts";
import { WAYS_TO_READ } from "../../../test/support/ways-to-read.ts";

const PIECES = ['{"a"', ":[1,2", ',"é漢😀"]', "}"];
const WHOLE = PIECES.join("");

describe.each(WAYS_TO_READ)("read by %s", (_, read) => {
  it("the body is what the server sent, and its end is reported once", async () => {
    const watched = watchedResponse({ pieces: PIECES });
    expect(await read(watched.response)).toBe(WHOLE);
    expect(watched.ends).toEqual(["done"]);
    expect(watched.seen()).toContain(WHOLE);
    expect(watched.cancelled).toEqual([]);
  });

  it("a failure is the application's, as it is, and is reported once", async () => {
    const error = new TypeError("terminated");
    const watched = watchedResponse({ pieces: PIECES.slice(0, 2), error });
    await expect(read(watched.response)).rejects.toBe(error);
    expect(watched.ends).toEqual(["failed"]);
  });
});

describe("an empty body", () => {
  it.each(WAYS_TO_READ.filter(([name]) => name !== "json"))("read by %s ends once", async (_, read) => {
    const watched = watchedResponse({ pieces: [] });
    expect(await read(watched.response)).toBe("");
    expect(watched.ends).toEqual(["done"]);
  });
});

describe("a reader that gives up", () => {
  const reason = new Error("enough");
  it.each<[string, (response: Response) => Promise<unknown>]>([
    ["reader.cancel", async ({ body }) => body!.getReader().cancel(reason)],
    [
      "reader.cancel after a piece",
      async ({ body }) => {
        const reader = body!.getReader();
        await reader.read();
        await reader.cancel(reason);
      },
    ],
    ["body.cancel", async ({ body }) => body!.cancel(reason)],
    [
      "break",
      async ({ body }) => {
        for await (const _ of body!) break;
      },
    ],
    [
      "an error in the loop",
      async ({ body }) => {
        try {
          for await (const _ of body!) throw reason;
        } catch (error) {
          expect(error).toBe(reason);
        }
      },
    ],
    ["iterator.return", async ({ body }) => body![Symbol.asyncIterator]().return?.()],
    [
      "pipeTo a destination that fails",
      async ({ body }) =>
        body!
          .pipeTo(
            new WritableStream({
              write: () => {
                throw reason;
              },
            }),
          )
          .catch(() => undefined),
    ],
    [
      "tee, both give up",
      async ({ body }) => {
        const [one, other] = body!.tee();
        await Promise.all([one.cancel(reason), other.cancel(reason)]);
      },
    ],
  ])("%s: the source is cancelled, and it is reported once", async (_, giveUp) => {
    const watched = watchedResponse({ pieces: PIECES, endless: true });
    await giveUp(watched.response);
    expect(watched.cancelled).toHaveLength(1);
    expect(watched.ends).toEqual(["cancelled"]);
  });

  it("and another that goes on: it has not ended early", async () => {
    const watched = watchedResponse({ pieces: PIECES });
    const [one, other] = watched.response.body!.tee();
    const kept = other.getReader();
    void one.cancel(reason);
    expect(watched.ends).toEqual([]);
    while (!(await kept.read()).done);
    expect(watched.ends).toEqual(["done"]);
  });

  it.each<[string, (response: Response) => Promise<string>]>([
    [
      "tee",
      async ({ body }) => {
        const [one, other] = body!.tee();
        const reader = one.getReader();
        await reader.read();
        void reader.cancel();
        return drain(other);
      },
    ],
    [
      "clone",
      async (response) => {
        const copy = response.clone();
        const reader = response.body!.getReader();
        await reader.read();
        void reader.cancel();
        return copy.text();
      },
    ],
  ])("before the other has begun (%s): the other one's end counts", async (_, read) => {
    const watched = watchedResponse({ pieces: PIECES });
    expect(await read(watched.response)).toBe(WHOLE);
    expect(watched.ends).toEqual(["done"]);
  });

  it("in vain, because another one reads: nothing has ended", async () => {
    const watched = watchedResponse({ pieces: PIECES });
    const { body } = watched.response;
    const reader = body!.getReader();
    await reader.read();
    await expect(body!.cancel(reason)).rejects.toThrow(TypeError);
    expect(watched.ends).toEqual([]);
    while (!(await reader.read()).done);
    expect(watched.ends).toEqual(["done"]);
  });
});

describe("the response stays what it is", () => {
  it("the same body, the same headers, used when it was read", async () => {
    const { response } = watchedResponse({ pieces: PIECES });
    expect(response).toBeInstanceOf(Response);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.body).toBe(response.body);
    expect(response.body).toBeInstanceOf(ReadableStream);
    expect([response.bodyUsed, response.body?.locked]).toEqual([false, false]);
    await response.text();
    expect(response.bodyUsed).toBe(true);
  });

  it("cannot be read twice, with the platform's own error, which is no end", async () => {
    const watched = watchedResponse({ pieces: PIECES });
    await watched.response.text();
    await expect(watched.response.text()).rejects.toThrow(TypeError);
    await expect(watched.response.json()).rejects.toThrow(TypeError);
    expect(() => watched.response.clone()).toThrow(TypeError);
    expect(watched.ends).toEqual(["done"]);
  });

  it("broken JSON is the platform's error", async () => {
    const watched = watchedResponse({ pieces: ["{nonsense"] });
    await expect(watched.response.json()).rejects.toThrow(SyntaxError);
    expect(watched.ends).toEqual(["failed"]);
  });

  it("shows nothing that is not its own", () => {
    const { response } = watchedResponse({ pieces: PIECES });
    expect(Object.keys(response)).toEqual(Object.keys(new Response("x")));
  });

  it("is not read ahead of the application", async () => {
    const watched = watchedResponse({ pieces: PIECES });
    const reader = watched.response.body!.getReader();
    await reader.read();
    await new Promise((resolve) => setImmediate(resolve));
    expect(watched.seen()).toEqual([PIECES[0]]);
  });
});

describe("an observer that changes the body", () => {
  const change = {
    piece: (text: string): string => (text.startsWith(":") ? "" : text.toUpperCase()),
    rest: "!",
  };
  it.each(
    WAYS_TO_READ.filter(
      ([name]) => !["json", "text", "tee, one only"].includes(name) && !name.startsWith("clone"),
    ),
  )("%s: pieces change, are left out, and what was kept back comes at the end", async (_, read) => {
    const watched = watchedResponse({ pieces: ["ab", ":left out", "cd"] }, change);
    expect(await read(watched.response)).toBe("ABCD!");
    expect(watched.ends).toEqual(["done"]);
  });

  it("text is changed as a whole", async () => {
    expect(await watchedResponse({ pieces: ["ab", "cd"] }, change).response.text()).toBe("ABCD");
  });
});
