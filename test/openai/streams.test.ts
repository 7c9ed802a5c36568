/** @module A stream that ends at any point, in any way: settled once, to the truth or to a flagged bound above it. */
import type { ProviderStep } from "@holdfast/testkit/provider-server";
import { attributed } from "holdfast";
import { describe, expect, test } from "vitest";
import { clientKinds, MODEL, newest, rig, truthNanoUsd } from "./harness.ts";
import type { OpenAI } from "./harness.ts";

const CHUNKS = 50;
/** Two tokens a chunk; the text of a chunk is two words. */
const usage = { inputTokens: 4, outputTokens: 2 * CHUNKS };
const content = Array.from({ length: CHUNKS }, (_, n) => `alpha beta${n % 10}`).join("");

interface Stream extends AsyncIterable<unknown> {
  readonly controller: AbortController;
}

type Open = (client: OpenAI, n: number, signal?: AbortSignal) => Promise<Stream>;

const options = (n: number, signal?: AbortSignal): object =>
  attributed({ requestId: `cut-${n}` }, signal === undefined ? {} : { signal });

const endpoints: Readonly<Record<string, Open>> = {
  chat: (client, n, signal) =>
    client.chat.completions.create(
      {
        model: MODEL,
        messages: [{ role: "user", content: "Hi" }],
        max_tokens: 500,
        stream: true,
        user: `cut-${n}`,
      },
      options(n, signal),
    ),
  responses: (client, n, signal) =>
    client.responses.create(
      { model: MODEL, input: "Hi", max_output_tokens: 500, stream: true, user: `cut-${n}` },
      options(n, signal),
    ),
};

/** Whether an event carries content. */
function isContent(event: unknown): boolean {
  const { type, choices } = event as { type?: string; choices?: { delta?: { content?: string } }[] };
  return type === "response.output_text.delta" || (choices?.[0]?.delta?.content ?? "") !== "";
}

/** Reads until n content chunks have been seen, then does what it is told. */
async function readTo(stream: Stream, n: number, then: () => "break" | "go on"): Promise<void> {
  let seen = 0;
  for await (const event of stream) {
    if (isContent(event)) seen += 1;
    if (seen >= n && then() === "break") break;
  }
}

interface Ending {
  /** How the server treats the stream that is cut at n. */
  readonly step: (n: number) => ProviderStep;
  readonly read: (open: (signal?: AbortSignal) => Promise<Stream>, n: number) => Promise<void>;
  /** The server sees that the client has left. */
  readonly closes: boolean;
}

const readAll: Ending["read"] = async (open) => readTo(await open(), Infinity, () => "go on");

const endings: Readonly<Record<string, Ending>> = {
  "the server drops the connection": { step: (n) => ({ dropAfterChunk: n }), read: readAll, closes: false },
  "the server ends the body early": { step: (n) => ({ endAfterChunk: n }), read: readAll, closes: false },
  "the server sends an error event": {
    step: (n) => ({ errorEventAfterChunk: n }),
    read: readAll,
    closes: false,
  },
  "the client breaks": {
    step: (n) => ({ hangAfterChunk: n }),
    read: async (open, n) => readTo(await open(), n, () => "break"),
    closes: true,
  },
  "controller.abort()": {
    step: (n) => ({ hangAfterChunk: n }),
    read: async (open, n) => {
      const stream = await open();
      await readTo(stream, n, () => {
        stream.controller.abort();
        return "go on";
      });
    },
    closes: true,
  },
  "an external AbortSignal": {
    step: (n) => ({ hangAfterChunk: n }),
    read: async (open, n) => {
      const controller = new AbortController();
      await readTo(await open(controller.signal), n, () => {
        controller.abort();
        return "go on";
      });
    },
    closes: true,
  },
};

const everyCut = Array.from({ length: CHUNKS + 1 }, (_, n) => n);

const someCuts = [0, 1, 2, 25, 49, 50];

describe.each(clientKinds)("$name", (kind) => {
  // The older majors differ in how a stream is read, not in where it is cut.
  const cuts = kind.sdk === newest ? everyCut : someCuts;

  describe.each(Object.entries(endpoints))("%s", (endpoint, open) => {
    test.each(Object.entries(endings))("%s after n of 50 chunks", async (_name, ending) => {
      await using at = await rig({
        kind,
        // Nothing is added for what may be under way: the server stops exactly where it is told to.
        config: { settlement: { unseenOutputTokens: 0 } },
        server: { usage, chunks: CHUNKS, defaults: { content } },
      });
      at.server.respond(({ body }) => ending.step(Number(String(body["user"]).slice(4))));
      await using bare = await rig({ kind, server: { usage, chunks: CHUNKS, defaults: { content } } });
      bare.server.respond(({ body }) => ending.step(Number(String(body["user"]).slice(4))));

      const outcomeOf = (client: OpenAI, n: number): Promise<string> =>
        ending
          .read((signal) => open(client, n, signal), n)
          .then(
            () => "ended",
            (error: Error) => `${error.constructor.name}: ${error.message}`,
          );
      const ours = await Promise.all(cuts.map((n) => outcomeOf(at.client, n)));
      const theirs = await Promise.all(someCuts.map((n) => outcomeOf(bare.bare, n)));
      await at.quiet();
      await bare.quiet();

      expect(someCuts.map((n) => ours[cuts.indexOf(n)])).toEqual(theirs);
      expect(at.events.usage).toHaveLength(cuts.length);
      const bills = new Map(at.server.ledger.map((entry) => [String(entry.requestBody["user"]), entry]));
      for (const record of at.events.usage) {
        const entry = bills.get(record.requestId)!;
        const truth = truthNanoUsd(entry.billed);
        expect(entry.clientClosedEarly, record.requestId).toBe(ending.closes);
        expect(record.endpoint).toBe(endpoint === "chat" ? "chat.completions" : "responses");
        if (record.usageSource === "provider") expect(record.costNanoUsd).toBe(truth);
        else {
          expect(record.outcome).toBe("partial");
          expect(record.costNanoUsd, record.requestId).toBeGreaterThanOrEqual(truth);
          expect(record.costNanoUsd).toBeLessThanOrEqual(record.heldNanoUsd);
        }
      }
      const settled = at.events.of("hold-settled");
      expect(new Set(settled.map(({ holdId }) => holdId)).size).toBe(cuts.length);
      expect(settled).toHaveLength(cuts.length);
      const charged = at.events.usage.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
      expect(await at.balance()).toEqual({ spent: charged, held: 0 });
      expect(charged).toBeGreaterThanOrEqual(at.billedNanoUsd);
      expect(bare.server.ledger.every(({ clientClosedEarly }) => clientClosedEarly === ending.closes)).toBe(
        true,
      );
    });

    test("read to its end it costs what the provider says", async () => {
      await using at = await rig({ kind, server: { usage, chunks: CHUNKS } });
      await readTo(await open(at.client, 1), Infinity, () => "go on");
      await at.quiet();
      expect(at.events.usage).toMatchObject([
        {
          outcome: "complete",
          usageSource: "provider",
          inputTokens: 4,
          outputTokens: 100,
          costNanoUsd: 404_000,
        },
      ]);
      expect(await at.balance()).toEqual({ spent: 404_000, held: 0 });
      expect(at.billedNanoUsd).toBe(404_000);
      expect(at.events.of("meter-anomaly")).toEqual([]);
    });
  });
});
