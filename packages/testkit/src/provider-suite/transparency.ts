/** @module The same work on a bare and on a wrapped client, against two servers with the same script: no difference. */
import { describe, expect, test } from "vitest";
import type { LedgerEntry, ProviderStep } from "../provider-server/index.ts";
import type { ProviderUnderTest } from "./provider-under-test.ts";
import { question, startRig } from "./rig.ts";

const server = { usage: { inputTokens: 9, outputTokens: 12 }, clock: { now: () => 0 } };

/** What the application got: values and errors in a form that can be compared. */
interface Seen {
  readonly values: readonly unknown[];
  readonly error?: unknown;
}

const STEPS: Readonly<Record<string, ProviderStep>> = {
  "an answer": {},
  "a long answer": { content: "alpha beta ".repeat(400), chunks: 40 },
  "an answer in odd letters": { content: 'é漢字😀\n\n"data: [DONE]"\u2028 ' },
  "a tool call": { toolCalls: [{ name: "look_up", arguments: { id: "A-1" } }] },
  "a 400": { status: 400 },
  "a 401": { status: 401 },
  "a 429": { status: 429 },
  "a 500": { status: 500 },
  "an error page": {
    status: 502,
    body: "<html>bad gateway</html>",
    headers: { "content-type": "text/html" },
  },
  "an answer that is no JSON": { body: "not json" },
  "a connection that is dropped": { drop: true },
};

/** A stream that fails forgets what nobody has read yet, so the application is given the time to read. */
const chunkDelayMs = 10;

const STREAM_STEPS: Readonly<Record<string, ProviderStep>> = {
  "dropped in the middle": { dropAfterChunk: 2, chunkDelayMs },
  "ended in the middle": { endAfterChunk: 2, chunkDelayMs },
  "with an error in the middle": { errorEventAfterChunk: 2, chunkDelayMs },
  "with garbage in the middle": { garbageAtChunk: 3, chunkDelayMs },
};

export function transparencyTests<C>(provider: ProviderUnderTest<C>): void {
  const asked = question(provider, { prompt: "same" });

  async function sameOnBoth(work: (client: C) => Promise<Seen>, step: ProviderStep): Promise<void> {
    await using at = await startRig(provider, { server });
    await using bare = await startRig(provider, { server });
    at.server.script([step]);
    bare.server.script([step]);
    const ours = await work(at.client);
    const theirs = await work(bare.bare);
    await at.quiet();
    await bare.quiet();
    expect(at.server.ledger.map(asSent)).toEqual(bare.server.ledger.map(asSent));
    expect(ours).toEqual(theirs);
    expect((await at.balance()).held).toBe(0);
  }

  function asSent({ method, path, query, headers, requestBody }: LedgerEntry): unknown {
    return { method, path, query, headers, body: provider.withoutAdditions?.(requestBody) ?? requestBody };
  }

  const seen = (value: unknown): unknown => comparable(value, provider.isRandomId ?? (() => false));
  const whole = async (client: C): Promise<Seen> => {
    try {
      return { values: [seen(await provider.ask(client, asked))] };
    } catch (error) {
      return { values: [], error: seen(error) };
    }
  };
  const streamed = async (client: C): Promise<Seen> => {
    const values: unknown[] = [];
    try {
      for await (const piece of await provider.stream(client, asked)) values.push(seen(piece));
    } catch (error) {
      return { values, error: seen(error) };
    }
    return { values };
  };

  describe("transparency", () => {
    test.each(Object.entries(STEPS))("%s", async (_name, step) => sameOnBoth(whole, step));
    test.each(Object.entries({ ...STEPS, ...STREAM_STEPS }))("a stream: %s", async (_name, step) =>
      sameOnBoth(streamed, step),
    );

    test("the wrapped client is of the same class, with the same members", async () => {
      await using at = await startRig(provider);
      expect(membersOf(at.client)).toEqual(membersOf(at.bare));
    });
  });
}

/** Member names up the chain, without those that an SDK keeps to itself. */
function membersOf(value: unknown): readonly string[] {
  const names = new Set<string>();
  for (
    let at = value as object | null;
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    for (const name of Object.getOwnPropertyNames(at)) if (!name.startsWith("_")) names.add(name);
  }
  return [...names].toSorted();
}

/** What differs between two requests by itself. */
const PASSING: ReadonlySet<string> = new Set([
  "client",
  "options",
  "controller",
  "socket",
  "date",
  "timestamp",
  "performance",
]);

/** Class, own fields and the like, all the way down; no functions, no stacks, no times. */
function comparable(
  value: unknown,
  isRandomId: (text: string) => boolean,
  depth = 0,
  seen: readonly unknown[] = [],
): unknown {
  const inner = (one: unknown): unknown => comparable(one, isRandomId, depth + 1, [...seen, value]);
  if (typeof value === "string" && isRandomId(value)) return "an id";
  if (typeof value === "string") return value.replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1");
  if (value === null || typeof value !== "object") return typeof value === "function" ? "function" : value;
  if (depth > 10 || seen.includes(value)) return "...";
  if (value instanceof Headers) {
    return { headers: [...value.entries()].filter(([name]) => name !== "date" && name !== "content-length") };
  }
  if (value instanceof Date) return "a date";
  if (value instanceof Response) return { status: value.status };
  const fields = Object.fromEntries(
    Object.entries(value)
      .filter(([name, field]) => typeof field !== "function" && !PASSING.has(name))
      .map(([name, field]) => [name, inner(field)]),
  );
  return {
    class: value.constructor?.name,
    ...(value instanceof Error
      ? {
          name: value.name,
          message: inner(value.message),
          cause: inner(value.cause),
        }
      : {}),
    ...fields,
  };
}
