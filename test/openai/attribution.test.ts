/** @module Who pays: tags of the wrapper, of the context and of the call, and budgets that are counted by them. */
import { AttributionError, attributed, BudgetExceededError, formatUsd } from "holdfast";
import type { Attribution, BudgetConfig } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import { describe, expect, test } from "vitest";
import { chatBody, clientKinds, collect, failure, MODEL, rig } from "./harness.ts";
import type { OpenAI, Rig } from "./harness.ts";

const call = (client: OpenAI) => client.chat.completions.create(chatBody());

/** The attribution of every finished call, in order of their requestId or of their end. */
async function tags(at: Rig): Promise<Attribution[]> {
  await at.quiet();
  return at.events.usage.map(({ attribution }) => ({ ...attribution }));
}

describe.each(clientKinds)("$name", (kind) => {
  test("defaults, context and call: the nearest wins, tag by tag", async () => {
    await using at = await rig({ kind, attribution: { agent: "bot", tenant: "default", team: "a" } });
    await call(at.client);
    await at.holdfast.with({ tenant: "acme", user: "u1" }, async () => {
      await call(at.client);
      await at.holdfast.with({ user: "u2", team: undefined }, () => call(at.client));
      await at.client.chat.completions.create(chatBody(), attributed({ tenant: "own", feature: "x" }));
    });
    await call(at.client);
    expect(await tags(at)).toEqual([
      { agent: "bot", tenant: "default", team: "a" },
      { agent: "bot", tenant: "acme", team: "a", user: "u1" },
      { agent: "bot", tenant: "acme", team: "a", user: "u2" },
      { agent: "bot", tenant: "own", team: "a", user: "u1", feature: "x" },
      { agent: "bot", tenant: "default", team: "a" },
    ]);
  });

  test("is taken where the call is made, wherever it is awaited or its stream is read", async () => {
    await using at = await rig({ kind });
    const promise = at.holdfast.with({ tenant: "maker" }, () => call(at.client));
    await at.holdfast.with({ tenant: "waiter" }, async () => {
      await promise;
    });
    const stream = await at.holdfast.with({ tenant: "maker" }, () =>
      at.client.chat.completions.create({ ...chatBody(), stream: true }),
    );
    await at.holdfast.with({ tenant: "reader" }, () => collect(stream));
    const helper = at.holdfast.with({ tenant: "maker" }, () =>
      at.client.responses.stream({ model: MODEL, input: "Hi", max_output_tokens: 5 }),
    );
    await at.holdfast.with({ tenant: "reader" }, () => helper.finalResponse());
    const upload = at.holdfast.with({ tenant: "maker" }, () =>
      at.client.audio.transcriptions.create({
        model: "gpt-4o-transcribe",
        file: new File(["abcd"], "a.wav"),
      }),
    );
    await at.holdfast.with({ tenant: "waiter" }, async () => {
      await upload;
    });
    expect(await tags(at)).toEqual(Array.from({ length: 4 }, () => ({ tenant: "maker" })));
  });

  test("keeps to its own flow among many", async () => {
    await using at = await rig({
      kind,
      budgets: [{ id: "t", per: ["tenant"], limit: { calls: 3 }, window: "total" }],
    });
    const tenants = ["a", "b", "c", "d", "e"];
    const results = await Promise.all(
      tenants.flatMap((tenant) =>
        Array.from({ length: 5 }, () =>
          at.holdfast.with({ tenant }, async () => {
            await new Promise((resolve) => setImmediate(resolve));
            return call(at.client).then(
              () => "ok",
              (error: BudgetExceededError) => `${String(error.scope["tenant"])} refused`,
            );
          }),
        ),
      ),
    );
    for (const [index, tenant] of tenants.entries()) {
      const own = results.slice(index * 5, index * 5 + 5);
      expect(own.filter((result) => result === "ok")).toHaveLength(3);
      expect(own.filter((result) => result === `${tenant} refused`)).toHaveLength(2);
    }
    expect((await at.holdfast.balances("t")).map(({ scope }) => scope["tenant"])).toEqual(tenants);
  });

  test("attributed() works with the options of every method, and with withOptions", async () => {
    await using at = await rig({ kind, server: { usage: { inputTokens: 3, outputTokens: 3 } } });
    const own = attributed({ user: "u" }, { timeout: 9_000, headers: { "x-mine": "1" } });
    const { client } = at;
    await client.chat.completions.create({ ...chatBody() }, own);
    await client.chat.completions.stream({ ...chatBody(), stream: true }, own).done();
    await client.responses.create({ model: MODEL, input: "Hi", max_output_tokens: 5 }, own);
    await client.responses.parse({ model: MODEL, input: "Hi", max_output_tokens: 5 }, own);
    await client.responses.stream({ model: MODEL, input: "Hi", max_output_tokens: 5 }, own).finalResponse();
    await client.embeddings.create({ model: "text-embedding-3-small", input: "Hi" }, own);
    await client.audio.transcriptions.create(
      { model: "gpt-4o-transcribe", file: new File(["ab"], "a.wav") },
      own,
    );
    await client.chat.completions.parse(chatBody(), own);
    await client.withOptions({ timeout: 8_000 }).chat.completions.create(chatBody(), own);
    await client.post("/chat/completions", { body: chatBody(), ...own });
    expect(await tags(at)).toEqual(Array.from({ length: 10 }, () => ({ user: "u" })));
    expect(at.server.ledger.every(({ headers }) => headers.names.includes("x-mine"))).toBe(true);
  });

  test("match and per choose the budgets; a missing tag has a counter of its own", async () => {
    const budgets: BudgetConfig[] = [
      { id: "bots", match: { agent: ["a", "b"], environment: "prod" }, limit: { usd: "1" }, window: "day" },
      { id: "pairs", per: ["tenant", "user"], limit: { calls: 1 }, window: "day" },
    ];
    await using at = await rig({ kind, budgets });
    const as = (attribution: Attribution) => at.holdfast.with(attribution, () => call(at.client));
    await as({ agent: "a", environment: "prod", tenant: "t1", user: "u1" });
    await as({ agent: "b", environment: "dev", tenant: "t1", user: "u2" });
    await as({ agent: "b" });
    const refused = await failure<BudgetExceededError>(as({ agent: "a", environment: "prod" }));
    expect(refused).toMatchObject({ budgetId: "pairs", scope: { tenant: undefined, user: undefined } });
    expect(refused.message).toContain("tenant=(none), user=(none)");
    // "~" is how a missing value is written inside; as a value it is something else.
    await as({ tenant: "~", user: "~" });
    await at.quiet();
    const [bots, ...pairs] = await at.holdfast.balances();
    expect(bots).toMatchObject({ budgetId: "bots", spent: { calls: 1 } });
    expect(pairs.map(({ scope }) => [scope["tenant"], scope["user"]]).toSorted()).toEqual(
      [
        ["t1", "u1"],
        ["t1", "u2"],
        ["~", "~"],
        [undefined, undefined],
      ].toSorted(),
    );
    expect(at.events.of("hold-reserved").map(({ scopes }) => scopes.map(({ budgetId }) => budgetId))).toEqual(
      [["bots", "pairs"], ["pairs"], ["pairs"], ["pairs"]],
    );
  });

  test("a tag can be called anything, and its value can be anything", async () => {
    const hostile = [
      "__proto__",
      "constructor",
      "a:b",
      "a/b",
      "a",
      "b",
      "a~b",
      "~",
      "",
      " ",
      "\0",
      "a\0b",
      "{tag}",
      "*",
      "\n",
      "'; DROP TABLE holds; --",
      "\ud800",
      "\udfff",
      "\ufffd",
      "é",
      "e\u0301",
      "x".repeat(1 << 20),
      `${"x".repeat((1 << 20) - 1)}y`,
    ];
    await using at = await rig({
      kind,
      budgets: [{ id: "t", per: ["tenant", "__proto__"], limit: { calls: 1 }, window: "total" }],
    });
    for (const tenant of hostile) {
      const attribution = JSON.parse(`{"__proto__": "p"}`) as Attribution;
      const once = () => at.holdfast.with({ ...attribution, tenant }, () => call(at.client));
      await once();
      const error = await failure<BudgetExceededError>(once());
      expect(error).toBeInstanceOf(BudgetExceededError);
      expect(error.scope["tenant"]).toBe(tenant);
      expect(error.message.length).toBeLessThan(700);
    }
    expect(at.server.requests).toBe(hostile.length);
    const balances = await at.holdfast.balances("t");
    expect(new Set(balances.map(({ scope }) => scope["tenant"]))).toEqual(new Set(hostile));
    expect(balances.every(({ spent }) => spent.calls === 1)).toBe(true);
    expect(({} as Record<string, unknown>)["p"]).toBeUndefined();
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    await at.quiet();
    const keys = at.events.of("hold-reserved").flatMap(({ scopes }) => scopes.map(({ key }) => key));
    expect(new Set(keys).size).toBe(hostile.length);
    expect(keys.every((key) => /^[\x21-\x7e]{1,400}$/.test(key))).toBe(true);
  });

  test("a value that is not a string is refused as the SDK's error, before anything is sent", async () => {
    await using at = await rig({ kind });
    const bad = { user: 42 } as unknown as Attribution;
    const error = await failure(at.client.chat.completions.create(chatBody(), attributed(bad)));
    expect(error).toBeInstanceOf(AttributionError);
    expect(error).toBeInstanceOf(kind.sdk.OpenAI.OpenAIError);
    expect(error.message).toContain('"user"');
    expect(() => at.holdfast.with(bad, () => call(at.client))).toThrow(AttributionError);
    expect(() => wrapOpenAI(at.bare, at.holdfast, bad)).toThrow(AttributionError);
    const symbolic = { tenant: Symbol("x") } as unknown as Attribution;
    expect(await failure(at.client.chat.completions.create(chatBody(), attributed(symbolic)))).toBeInstanceOf(
      AttributionError,
    );
    expect(at.server.requests).toBe(0);
    expect((await at.balance()).held).toBe(0);
  });

  test("retries and tool turns keep the tags of their call", async () => {
    await using at = await rig({ kind, client: { maxRetries: 1 } });
    at.server.script([{ status: 500, headers: { "retry-after-ms": "1" } }, {}]);
    await at.holdfast.with({ tenant: "acme", requestId: "r-1" }, () => call(at.client));
    await at.quiet();
    expect(at.events.usage.map(({ attribution, requestId }) => [attribution.tenant, requestId])).toEqual([
      ["acme", "r-1"],
      ["acme", "r-1"],
    ]);
    expect(at.events.of("hold-reserved").map(({ attribution }) => attribution.tenant)).toEqual([
      "acme",
      "acme",
    ]);
  });

  test("the tags are those of the moment: what the caller changes later changes nothing", async () => {
    await using at = await rig({ kind });
    const mine: Record<string, string> = { tenant: "before" };
    const promise = at.holdfast.with(mine, () => {
      const made = call(at.client);
      mine["tenant"] = "after";
      return made;
    });
    await promise;
    expect(await tags(at)).toEqual([{ tenant: "before" }]);
    expect(Object.isFrozen(at.events.usage[0]!.attribution)).toBe(true);
  });

  test("two clients of one Holdfast share its budgets, each with its own defaults", async () => {
    await using probe = await rig({ kind });
    await call(probe.client);
    await probe.quiet();
    const worst = probe.events.of("hold-reserved")[0]!.amounts;
    await using at = await rig({
      kind,
      attribution: { agent: "one" },
      budgets: [{ id: "all", limit: { usd: formatUsd(2 * worst.nanoUsd) }, window: "total" }],
      server: { usage: { inputTokens: worst.inputTokens, outputTokens: worst.outputTokens } },
    });
    const other = wrapOpenAI(at.bare, at.holdfast, { agent: "two" });
    await call(at.client);
    await call(other);
    expect(await failure(call(at.client))).toBeInstanceOf(BudgetExceededError);
    expect(await failure(call(other))).toBeInstanceOf(BudgetExceededError);
    expect((await tags(at)).map(({ agent }) => agent)).toEqual(["one", "two"]);
  });
});
