/** @module A stream that ends at any point, in any way: settled once, to the truth or to a flagged bound above it. */
import { describe, expect, test } from "vitest";
import type { LedgerEntry, ProviderStep, ServedRequest } from "../provider-server/index.ts";
import type { ProviderUnderTest } from "./provider-under-test.ts";
import { question, startRig, truthNanoUsd } from "./rig.ts";

const CHUNKS = 20;
/** Two tokens a chunk; the text of a chunk is two words. */
const usage = { inputTokens: 4, outputTokens: 2 * CHUNKS };
const content = Array.from({ length: CHUNKS }, (_, n) => `alpha beta${n % 10}`).join("");

interface Ending {
  /** How the server treats the stream that is cut at n. */
  readonly step: (n: number) => ProviderStep;
  /** Who ends it. */
  readonly by: "server" | "break" | "signal";
}

const ENDINGS: Readonly<Record<string, Ending>> = {
  "the server drops the connection": { step: (n) => ({ dropAfterChunk: n }), by: "server" },
  "the server ends the body early": { step: (n) => ({ endAfterChunk: n }), by: "server" },
  "the server sends an error event": { step: (n) => ({ errorEventAfterChunk: n }), by: "server" },
  "the application breaks": { step: (n) => ({ hangAfterChunk: n }), by: "break" },
  "the application aborts": { step: (n) => ({ hangAfterChunk: n }), by: "signal" },
};

const cutOf = (text: string): number => Number(/cut-(\d+)/.exec(text)![1]);
const cutOfRequest = (request: ServedRequest | LedgerEntry): number =>
  cutOf(JSON.stringify("body" in request ? request.body : request.requestBody));

async function readTo<C>(
  provider: ProviderUnderTest<C>,
  client: C,
  n: number,
  ending: Ending,
): Promise<void> {
  const abort = new AbortController();
  const prompt = `cut-${n}`;
  const signal = ending.by === "signal" ? { signal: abort.signal } : {};
  const stream = await provider.stream(
    client,
    question(provider, { prompt, maxOutputTokens: 500, ...signal }),
  );
  let seen = 0;
  for await (const piece of stream) {
    if (provider.textOf(piece) !== "") seen += 1;
    if (seen < n || ending.by === "server") continue;
    if (ending.by === "break") break;
    abort.abort();
  }
}

export function endingTests<C>(provider: ProviderUnderTest<C>): void {
  const cuts = provider.cuts ?? Array.from({ length: CHUNKS + 1 }, (_, n) => n);
  const can = { server: true, break: provider.breakCancels !== false, signal: provider.takesSignal };
  const endings = Object.entries(ENDINGS).filter(([, { by }]) => can[by]);

  describe("streams", () => {
    test.each(endings)("%s after n of 20 chunks", async (_name, ending) => {
      // A stream that has said nothing yet gives an application nothing to leave at.
      const points = ending.by === "server" ? cuts : cuts.filter((n) => n > 0);
      await using at = await startRig(provider, {
        // Nothing is added for what may be under way: the server stops exactly where it is told to.
        config: { settlement: { unseenOutputTokens: 0 } },
        server: { usage, chunks: CHUNKS, defaults: { content } },
      });
      at.server.respond((request) => ending.step(cutOfRequest(request)));
      await Promise.all(
        points.map((n) =>
          at.holdfast.with({ requestId: `cut-${n}` }, () =>
            readTo(provider, at.client, n, ending).catch(() => undefined),
          ),
        ),
      );
      await at.quiet();

      expect(at.events.usage).toHaveLength(points.length);
      const entries = new Map(at.server.ledger.map((entry) => [cutOfRequest(entry), entry]));
      for (const record of at.events.usage) {
        const entry = entries.get(cutOf(record.requestId))!;
        const truth = truthNanoUsd(entry.billed);
        expect(entry.clientClosedEarly, record.requestId).toBe(ending.by !== "server");
        if (record.usageSource === "provider") expect(record.costNanoUsd, record.requestId).toBe(truth);
        else {
          // An SDK that opens its stream late may have nothing to show for one that ended at its beginning.
          expect(["partial", "ambiguous"]).toContain(record.outcome);
          expect(record.costNanoUsd, record.requestId).toBeGreaterThanOrEqual(truth);
          expect(record.costNanoUsd, record.requestId).toBeLessThanOrEqual(record.heldNanoUsd);
        }
      }
      const charged = at.events.usage.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
      expect(at.events.of("hold-settled")).toHaveLength(points.length);
      expect(await at.balance()).toEqual({ spent: charged, held: 0 });
      expect(charged).toBeGreaterThanOrEqual(at.billedNanoUsd);
    });

    test("read to its end it costs what the provider says, however the bytes are cut", async () => {
      await using at = await startRig(provider, { server: { usage, chunks: CHUNKS, defaults: { content } } });
      const sizes = [1, 7, 100, 5_000];
      at.server.respond((request) => ({ splitBytes: sizes[cutOfRequest(request)]! }));
      for (const n of sizes.keys()) {
        const asked = question(provider, { prompt: `cut-${n}`, maxOutputTokens: 500 });
        let text = "";
        for await (const piece of await provider.stream(at.client, asked)) text += provider.textOf(piece);
        expect(text).toBe(content);
      }
      await at.quiet();
      expect(at.events.usage.map(({ costNanoUsd }) => costNanoUsd)).toEqual(
        sizes.map(() => 4 * 1_000 + 40 * 4_000),
      );
      expect(at.events.usage.every(({ usageSource }) => usageSource === "provider")).toBe(true);
    });
  });
}
