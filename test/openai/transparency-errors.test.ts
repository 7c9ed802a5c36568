/** @module Errors, aborts and raw responses: the wrapped client fails and reads as the bare one does. */
import { describe, expect, test, vi } from "vitest";
import { differential } from "./differential.ts";
import { coreKinds, chatBody, clientKinds, collect, failure, MODEL, rig } from "./harness.ts";
import type { OpenAI } from "./harness.ts";

const soon = { "retry-after-ms": "1" };
const create = (client: OpenAI): PromiseLike<unknown> => client.chat.completions.create(chatBody());

const errorClasses = {
  400: "BadRequestError",
  401: "AuthenticationError",
  403: "PermissionDeniedError",
  404: "NotFoundError",
  409: "ConflictError",
  422: "UnprocessableEntityError",
  429: "RateLimitError",
  500: "InternalServerError",
} as const;

describe.each(coreKinds)("$name", (kind) => {
  test.each(Object.entries(errorClasses))("%s is a %s with all its fields", async (status, className) => {
    const steps = [{ status: Number(status), headers: { "x-mine": "yes" } }];
    await differential({ kind, work: create, steps }, ({ ours, at }) => {
      expect(ours.error).toMatchObject({ class: className, status: Number(status), requestID: "req_000001" });
      expect(at.events.usage).toMatchObject([{ outcome: "refused", costNanoUsd: 0 }]);
    });
    await using at = await rig({ kind });
    at.server.script(steps);
    const error = await failure<{ headers: Headers }>(create(at.client));
    expect(error).toBeInstanceOf(kind.sdk.OpenAI[className]);
    expect(error.headers.get("x-mine")).toBe("yes");
  });

  test.each([
    ["an error that is not JSON", { status: 502, body: "<html>Bad gateway</html>" }],
    [
      "an error with a body of its own",
      { status: 400, body: { error: { message: "No.", code: "x", param: "p" } } },
    ],
    ["a 200 that is not JSON", { body: "not json", headers: { "content-type": "application/json" } }],
    ["a 200 without a body", { body: "", headers: { "content-type": "application/json" } }],
    ["a dropped connection", { drop: true }],
    ["a reply cut off in the middle", { dropAfterChunk: 2 }],
  ])("%s", async (_name, step) => {
    await differential({ kind, work: create, steps: [step] }, async ({ at }) => {
      expect(at.events.usage).toHaveLength(1);
      expect((await at.balance()).held).toBe(0);
    });
  });

  test("retries are the SDK's: as many, with the same headers", async () => {
    const steps = [1, 2, 3].map(() => ({ status: 503, headers: soon }));
    await differential({ kind, work: create, steps, client: { maxRetries: 2 } }, ({ at }) => {
      expect(at.server.ledger.map(({ headers }) => headers.retryCount)).toEqual(["0", "1", "2"]);
    });
  });

  test("a timeout is the SDK's timeout", async () => {
    await differential(
      { kind, work: create, steps: [{ hang: true }], client: { timeout: 400 } },
      ({ ours }) => {
        expect(ours.error).toMatchObject({
          class: "APIConnectionTimeoutError",
          message: "Request timed out.",
        });
      },
    );
  });

  test("an abort is the SDK's abort", async () => {
    const abort = async (client: OpenAI): Promise<unknown> => {
      const controller = new AbortController();
      // Long after the request has arrived, also on a busy machine.
      setTimeout(() => controller.abort(), 400);
      return client.chat.completions.create(chatBody(), { signal: controller.signal });
    };
    await differential({ kind, work: abort, steps: [{ hang: true }] }, ({ ours }) => {
      expect(ours.error).toMatchObject({ class: "APIUserAbortError", message: "Request was aborted." });
    });
  });

  test("a stream error event is the SDK's error", async () => {
    const stream = async (client: OpenAI): Promise<unknown> =>
      collect(await client.chat.completions.create({ ...chatBody(), stream: true }));
    await differential({ kind, work: stream, steps: [{ errorEventAfterChunk: 2 }] }, ({ ours }) => {
      expect(ours.error).toMatchObject({ class: "APIError" });
    });
  });

  test("the stream() helper fails with the SDK's error", async () => {
    const stream = (client: OpenAI): unknown =>
      client.chat.completions.stream({ ...chatBody(), stream: true }).finalContent();
    for (const step of [{ status: 429 }, { dropAfterChunk: 1 }, { endAfterChunk: 1 }]) {
      await differential({ kind, work: stream, steps: [step] }, ({ ours }) => {
        expect(ours.error).toBeDefined();
      });
    }
  });
});

/** Ways to read the body of a raw response. */
const reads: Readonly<Record<string, (response: Response) => Promise<unknown>>> = {
  json: async (response) => response.json(),
  text: async (response) => response.text(),
  arrayBuffer: async (response) => Buffer.from(await response.arrayBuffer()).toString(),
  blob: async (response) => (await response.blob()).text(),
  bytes: async (response) =>
    Buffer.from(await (response as unknown as { bytes(): Promise<Uint8Array> }).bytes()).toString(),
  reader: async (response) => {
    const reader = response.body!.getReader();
    const pieces: Uint8Array[] = [];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
    }
    reader.releaseLock();
    return [Buffer.concat(pieces).toString(), response.body!.locked];
  },
  "for await": async (response) => {
    const pieces = await collect(response.body as unknown as AsyncIterable<Uint8Array>);
    return [Buffer.concat(pieces).toString(), response.bodyUsed];
  },
  "clone, both read": async (response) => {
    const copy = response.clone();
    return [await response.text(), await copy.text()];
  },
  tee: async (response) => {
    const branches = response.body!.tee();
    return Promise.all(branches.map((branch) => new Response(branch).text()));
  },
  pipeThrough: async (response) =>
    Buffer.concat(
      await collect(
        response.body!.pipeThrough(new TransformStream()) as unknown as AsyncIterable<Uint8Array>,
      ),
    ).toString(),
  "new Response(body)": async (response) => new Response(response.body).text(),
};

describe.each(clientKinds)("$name", (kind) => {
  test.each(Object.entries(reads))("asResponse() read by %s, settled to the truth", async (_name, read) => {
    const work = async (client: OpenAI): Promise<unknown> => {
      const response = await client.chat.completions.create(chatBody()).asResponse();
      const before = [
        response.status,
        response.ok,
        response.url.replace(/:\d+/, ""),
        response.bodyUsed,
        response.type,
      ];
      return [before, response instanceof Response, await read(response)];
    };
    await differential({ kind, work }, async ({ ours, at }) => {
      expect(ours.error).toBeUndefined();
      expect(at.events.usage).toMatchObject([{ outcome: "complete", usageSource: "provider" }]);
      expect(await at.balance()).toEqual({ spent: at.billedNanoUsd, held: 0 });
    });
  });

  test.each(Object.entries(reads).filter(([name]) => name !== "json"))(
    "a raw stream read by %s shows what was asked for",
    async (_name, read) => {
      const work = async (client: OpenAI): Promise<unknown> =>
        read(await client.chat.completions.create({ ...chatBody(), stream: true }).asResponse());
      await differential({ kind, work }, async ({ ours, at }) => {
        expect(ours.error).toBeUndefined();
        expect(at.events.usage).toMatchObject([{ outcome: "complete", usageSource: "provider" }]);
        expect(await at.balance()).toEqual({ spent: at.billedNanoUsd, held: 0 });
      });
    },
  );

  test("a raw response that is cancelled unread is charged as ambiguous", async () => {
    await using at = await rig({ kind });
    const response = await at.client.chat.completions.create(chatBody()).asResponse();
    await response.body!.cancel();
    await at.quiet();
    const [record] = at.events.usage;
    expect(record).toMatchObject({
      outcome: "ambiguous",
      usageSource: "estimated",
      costNanoUsd: record!.heldNanoUsd,
    });
  });

  test("reading a body twice fails as ever", async () => {
    const work = async (client: OpenAI): Promise<unknown> => {
      const response = await client.chat.completions.create(chatBody()).asResponse();
      await response.text();
      return response.json();
    };
    await differential({ kind, work }, ({ ours, at }) => {
      expect(ours.error).toMatchObject({ class: "TypeError" });
      expect(at.events.usage).toMatchObject([{ outcome: "complete" }]);
    });
  });

  test("one call, awaited many times, is one request", async () => {
    await using at = await rig({ kind });
    const call = at.client.chat.completions.create(chatBody());
    const [one, two, { data }] = await Promise.all([call, call, call.withResponse()]);
    expect(one).toEqual(two);
    expect(one).toEqual(data);
    await at.quiet();
    expect(at.server.requests).toBe(1);
    expect(at.events.usage).toHaveLength(1);
  });

  test("the caller's own objects are not touched", async () => {
    await using at = await rig({ kind });
    const body = Object.freeze({ ...chatBody(), stream: true as const, stream_options: Object.freeze({}) });
    const fetchOptions = Object.freeze({ keepalive: true });
    const headers = Object.freeze({ "x-mine": "1" });
    await collect(await at.client.chat.completions.create(body, Object.freeze({ fetchOptions, headers })));
    expect(at.server.ledger[0]!.headers.names).toContain("x-mine");
    expect(body).toEqual({ ...chatBody(), stream: true, stream_options: {} });
  });

  test("a fetch of the application's own is used, and sees nothing of ours", async () => {
    const seen: unknown[][] = [];
    const fetch = (...args: Parameters<typeof globalThis.fetch>) => {
      seen.push(args);
      return globalThis.fetch(...args);
    };
    await using at = await rig({ kind, client: { fetch, fetchOptions: { keepalive: true } } });
    await at.client.chat.completions.create(chatBody());
    await at.client.withOptions({ fetch }).chat.completions.create(chatBody());
    await at.quiet();
    expect(seen).toHaveLength(2);
    for (const [, init] of seen) {
      expect(Object.getOwnPropertySymbols(init as object)).toEqual([]);
      expect(init).toMatchObject({ keepalive: true, method: "POST" });
    }
    expect(at.events.usage).toHaveLength(2);
  });

  test("nothing is written to the console", async () => {
    const spies = (["log", "info", "warn", "error", "debug"] as const).map((method) =>
      vi.spyOn(console, method),
    );
    try {
      await using at = await rig({ kind });
      at.server.script([{ status: 500 }, {}]);
      await failure(create(at.client));
      await create(at.client);
      await failure(at.client.chat.completions.create({ ...chatBody(), model: "no-such-model" }));
      await at.client.responses.create({ model: MODEL, input: "Hi", max_output_tokens: 5 });
      await at.quiet();
      for (const spy of spies) expect(spy).not.toHaveBeenCalled();
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  });
});
