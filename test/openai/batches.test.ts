/** @module Batches: held for by the file of their requests, settled when their result is seen, whoever sees it. */
import { createPriceSource } from "@holdfast/prices";
import { createFakeClock } from "@holdfast/testkit";
import { BudgetExceededError, CallNotBoundedError, PriceUnknownError } from "holdfast";
import { describe, expect, test } from "vitest";
import {
  clientKinds,
  collect,
  coreKinds,
  failure,
  MODEL,
  overrides,
  rig,
  truthNanoUsd,
  user,
} from "./harness.ts";
import type { OpenAI, Rig, RigOptions } from "./harness.ts";
import { openJobs, twoProcesses } from "./two-processes.ts";

const HOUR_MS = 3_600_000;
const LINES = 3;

/** As in the harness, and batches at half of it. */
const prices = {
  source: createPriceSource({
    overrides: overrides.map((price) => ({
      ...price,
      serviceTiers: { ...price.serviceTiers, batch: { numerator: 1, denominator: 2 } },
    })),
  }),
};

function withPrices(options: RigOptions = {}): RigOptions {
  return { ...options, config: { prices, ...options.config } };
}

type Line = Record<string, unknown>;

function lineOf(i: number, body: object = {}): Line {
  return {
    custom_id: `line-${i}`,
    method: "POST",
    url: "/v1/chat/completions",
    body: { model: MODEL, messages: [user()], max_tokens: 50, ...body },
  };
}

function fileOf(lines: readonly unknown[] = Array.from({ length: LINES }, (_, i) => lineOf(i))): File {
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  return new File([text], "requests.jsonl");
}

async function uploaded(client: OpenAI, file: File = fileOf()): Promise<string> {
  return (await client.files.create({ file, purpose: "batch" })).id;
}

type Batch = Awaited<ReturnType<OpenAI["batches"]["retrieve"]>>;

function create(client: OpenAI, input_file_id: string): Promise<Batch> {
  const body = { input_file_id, endpoint: "/v1/chat/completions", completion_window: "24h" } as const;
  return client.batches.create(body) as Promise<Batch>;
}

/** What the items bill: 3 + 9, 4 + 9, 5 + 9 tokens. */
const itemUsage = (key: string): object => ({ inputTokens: 3 + Number(key.at(-1)), outputTokens: 9 });

async function created(at: Rig, step: object = {}): Promise<Batch> {
  const fileId = await uploaded(at.client);
  at.server.script([{ itemUsage, ...step }]);
  return create(at.client, fileId);
}

/** At half of the list price, rounded up once. */
function truth(at: Rig): number {
  return Math.ceil(truthNanoUsd(at.server.billed()) / 2);
}

describe.each(coreKinds)("$name", (kind) => {
  test("is held until its result is retrieved, and then charged exactly, in another process", async () => {
    await using at = await twoProcesses(withPrices({ kind, attribution: { tenant: "acme" } }));
    const { creator, other } = at;
    const batch = await created(creator, { backgroundPolls: 1 });
    expect(batch.status).toBe("validating");
    const { held } = await other.balance();
    expect(held).toBeGreaterThan(truth(other));
    expect(await openJobs(other)).toMatchObject([
      {
        provider: kind.azure ? "azure" : "openai",
        jobId: batch.id,
        endpoint: "batches",
        model: MODEL,
        requests: LINES,
        heldNanoUsd: held,
        attribution: { tenant: "acme" },
      },
    ]);
    const [balance] = await other.holdfast.balances();
    expect(balance!.held).toMatchObject({ calls: LINES, concurrentCalls: 0, outputTokens: LINES * 50 });

    expect((await other.client.batches.retrieve(batch.id)).status).toBe("in_progress");
    await other.quiet();
    expect(await other.balance()).toEqual({ spent: 0, held });

    const done = await other.client.batches.retrieve(batch.id);
    expect(done.status).toBe("completed");
    await other.quiet();
    expect(await other.balance()).toEqual({ spent: truth(other), held: 0 });
    expect(truth(other)).toBe(((3 + 4 + 5) * 1_000 + 27 * 4_000) / 2);
    expect(other.events.usage).toMatchObject([
      {
        endpoint: "batches",
        requestedModel: MODEL,
        requestedServiceTier: "batch",
        usageSource: "provider",
        costNanoUsd: truth(other),
        heldNanoUsd: held,
        inputTokens: 12,
        outputTokens: 27,
        attribution: { tenant: "acme" },
      },
    ]);
    expect(other.events.of("job-settled")).toMatchObject([{ jobId: batch.id, requests: LINES }]);
    expect(other.events.of("meter-anomaly")).toEqual([]);
    await creator.client.batches.retrieve(batch.id);
    await creator.quiet();
    expect(creator.events.usage).toEqual([]);
    expect(await openJobs(creator)).toEqual([]);
    expect((await other.holdfast.balances())[0]!.spent.calls).toBe(LINES);
  });

  test("is created by another process than the one that has uploaded its input", async () => {
    await using at = await twoProcesses(withPrices({ kind }));
    const fileId = await uploaded(at.creator.client);
    await at.creator.quiet();
    const requests = at.other.server.requests;
    const batch = await create(at.other.client, fileId);
    // Known from the store, so it is not downloaded.
    expect(at.other.server.requests).toBe(requests + 1);
    expect(await openJobs(at.creator)).toMatchObject([{ jobId: batch.id, requests: LINES }]);
  });

  test("of a file that came from elsewhere is held for after it was downloaded", async () => {
    await using at = await rig(withPrices({ kind }));
    const fileId = await uploaded(at.bare);
    const requests = at.server.requests;
    const batch = await create(at.client, fileId);
    expect(at.server.requests).toBe(requests + 2);
    expect(await openJobs(at)).toMatchObject([{ jobId: batch.id, requests: LINES }]);
    await create(at.client, fileId);
    expect(at.server.requests).toBe(requests + 3);
    expect((await at.holdfast.balances())[0]!.held.calls).toBe(2 * LINES);
  });
});

describe.each(clientKinds)("$name", (kind) => {
  test("retrieved, listed and cancelled by both processes at once is charged once", async () => {
    await using at = await twoProcesses(withPrices({ kind }));
    const { creator, other } = at;
    const batch = await created(creator);
    await Promise.all(
      [creator, other].flatMap(({ client }) => [
        client.batches.retrieve(batch.id),
        client.batches.list().then((page) => page.data),
        client.batches.cancel(batch.id),
      ]),
    );
    await creator.quiet();
    await other.quiet();
    expect(await other.balance()).toEqual({ spent: truth(other), held: 0 });
    expect([...creator.events.usage, ...other.events.usage]).toHaveLength(1);
    expect([creator, other].flatMap((one) => one.events.of("meter-anomaly"))).toEqual([]);
  });

  test("is seen to have ended in a list, page by page", async () => {
    await using at = await rig(withPrices({ kind }));
    const batch = await created(at);
    const listed = await collect(at.client.batches.list());
    expect(listed.map(({ id }) => id)).toEqual([batch.id]);
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: truth(at), held: 0 });
  });

  test("that does not say what it used is settled by the download of its output", async () => {
    await using at = await twoProcesses(withPrices({ kind }));
    const { creator, other } = at;
    const batch = await created(creator);
    creator.server.respond(() => ({ edit: withoutBatchUsage }));
    const done = await creator.client.batches.retrieve(batch.id);
    expect(done.usage).toBeUndefined();
    await creator.quiet();
    const { held } = await other.balance();
    expect(held).toBeGreaterThan(0);
    const response = await other.client.files.content(done.output_file_id!);
    expect((await response.text()).trim().split("\n")).toHaveLength(LINES);
    await other.quiet();
    expect(await other.balance()).toEqual({ spent: truth(other), held: 0 });
    expect(other.events.usage).toMatchObject([{ usageSource: "provider", inputTokens: 12 }]);
  });
});

/** As the API answered before 2025-09-07: only the lines of the output say what they used. */
function withoutBatchUsage(payload: unknown): unknown {
  const { usage, ...rest } = payload as Record<string, unknown>;
  return rest["object"] === "batch" ? rest : { ...rest, usage };
}

function asFailed(payload: unknown): unknown {
  return { ...(payload as object), status: "failed", usage: undefined, output_file_id: null };
}

describe("a batch", () => {
  test("whose file is not wholly read is not settled by that", async () => {
    await using at = await rig(withPrices());
    const batch = await created(at);
    at.server.respond(() => ({ edit: withoutBatchUsage }));
    const done = await at.client.batches.retrieve(batch.id);
    const { held } = await at.balance();
    const left = await at.client.files.content(done.output_file_id!);
    await left.body!.cancel();
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: 0, held });
    for await (const _ of (await at.client.files.content(done.output_file_id!)).body!);
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: truth(at), held: 0 });
  });

  test("some of whose requests fail is charged for the others", async () => {
    await using at = await rig(withPrices());
    const batch = await created(at, {
      batchResult: (key: string) => (key === "line-1" ? "errored" : "succeeded"),
    });
    await at.client.batches.retrieve(batch.id);
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: truth(at), held: 0 });
    expect(at.events.usage).toMatchObject([{ inputTokens: 8, outputTokens: 18 }]);
  });

  test.each(["errored", "expired"])(
    "none of whose requests succeeds gives its hold back: %s",
    async (result) => {
      await using at = await rig(withPrices());
      const batch = await created(at, { batchResult: result });
      await at.client.batches.retrieve(batch.id);
      await at.quiet();
      expect(await at.balance()).toEqual({ spent: 0, held: 0 });
      expect(truth(at)).toBe(0);
      expect(at.events.of("job-settled")).toMatchObject([{ costNanoUsd: 0 }]);
    },
  );

  test("that was cancelled in time gives its hold back when that is seen", async () => {
    await using at = await twoProcesses(withPrices());
    const { creator, other } = at;
    const batch = await created(creator, { backgroundPolls: Infinity });
    const { held } = await other.balance();
    expect((await other.client.batches.cancel(batch.id)).status).toBe("cancelling");
    await other.quiet();
    expect(await other.balance()).toEqual({ spent: 0, held });
    expect((await other.client.batches.retrieve(batch.id)).status).toBe("cancelled");
    await other.quiet();
    expect(await other.balance()).toEqual({ spent: 0, held: 0 });
  });

  test("that the provider finds wanting gives its hold back", async () => {
    await using at = await rig(withPrices());
    const batch = await created(at);
    at.server.respond(() => ({ edit: asFailed }));
    await at.client.batches.retrieve(batch.id);
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: 0, held: 0 });
  });

  test("that nobody looks at is charged when its time is over, and corrected when somebody does", async () => {
    const clock = createFakeClock(Date.now());
    await using at = await twoProcesses(withPrices({ config: { clock } }));
    const { creator, other } = at;
    const batch = await created(creator);
    const { held } = await other.balance();
    clock.advance(71 * HOUR_MS);
    expect(await other.balance()).toEqual({ spent: 0, held });
    clock.advance(2 * HOUR_MS);
    expect(await other.balance()).toEqual({ spent: held, held: 0 });
    await other.client.batches.retrieve(batch.id);
    await other.quiet();
    expect(await other.balance()).toEqual({ spent: truth(other), held: 0 });
    expect(other.events.of("hold-settled")).toMatchObject([{ corrected: true }]);
  });

  test("that does not fit is denied before anything is created, and one that fits is not", async () => {
    const worst = await worstCase();
    const usd = (nano: number): string => (nano / 1e9).toFixed(9);
    const budget = (nano: number): RigOptions =>
      withPrices({ budgets: [{ id: "all", limit: { usd: usd(nano) }, window: "total" }] });
    await using tight = await rig(budget(worst - 1));
    const fileId = await uploaded(tight.client);
    const requests = tight.server.requests;
    expect(await failure(create(tight.client, fileId))).toBeInstanceOf(BudgetExceededError);
    expect(tight.server.requests).toBe(requests);
    await using enough = await rig(budget(worst));
    await create(enough.client, await uploaded(enough.client));
    expect(await enough.balance()).toEqual({ spent: 0, held: worst });
  });

  test("counts with all its requests", async () => {
    const budgets = [{ id: "all", limit: { calls: 2 * LINES }, window: "total" }] as const;
    await using at = await rig(withPrices({ budgets }));
    const fileId = await uploaded(at.client);
    const batch = await create(at.client, fileId);
    await create(at.client, fileId);
    expect(await failure(create(at.client, fileId))).toBeInstanceOf(BudgetExceededError);
    at.server.respond(() => ({ itemUsage }));
    await at.client.batches.retrieve(batch.id);
    await at.quiet();
    expect((await at.holdfast.balances())[0]).toMatchObject({
      spent: { calls: LINES },
      held: { calls: LINES },
    });
  });

  test("of embeddings and responses is held for as such", async () => {
    await using at = await rig(withPrices());
    const lines = [
      { ...lineOf(0), url: "/v1/responses", body: { model: MODEL, input: "Hi", max_output_tokens: 7 } },
      { ...lineOf(1), url: "/v1/embeddings", body: { model: "text-embedding-3-small", input: "Hi" } },
    ];
    const batch = await create(at.client, await uploaded(at.client, fileOf(lines)));
    const [balance] = await at.holdfast.balances();
    expect(balance!.held).toMatchObject({ calls: 2, outputTokens: 7 });
    expect(await openJobs(at)).toMatchObject([{ jobId: batch.id, model: MODEL }]);
  });

  test.each<[string, readonly unknown[], string]>([
    ["is no JSON", [lineOf(0), "{"], "Line 2"],
    ["has no body", [{ ...lineOf(0), body: undefined }], "Line 1"],
    ["goes elsewhere", [lineOf(0), { ...lineOf(1), url: "/v1/videos" }], "/v1/videos"],
    ["is a batch itself", [{ ...lineOf(0), url: "/v1/batches" }], "/v1/batches"],
    ["uses a tool that is billed apart", [lineOf(0, { tools: [{ type: "code_interpreter" }] })], "Line 1"],
  ])("with a line that %s is refused, in words that do not quote it", async (_, lines, named) => {
    const isTool = JSON.stringify(lines).includes("code_interpreter");
    const given = isTool ? [{ ...(lines[0] as Line), url: "/v1/responses" }] : lines;
    for (const upload of ["client", "bare"] as const) {
      await using at = await rig(withPrices());
      const fileId = await uploaded(at[upload], fileOf(given));
      const error = await failure(create(at.client, fileId));
      expect(error).toBeInstanceOf(CallNotBoundedError);
      expect(error.message).toContain(named);
      expect(error.message).not.toContain("Hi");
      expect(at.server.ledger.filter(({ route }) => route === "/batches")).toEqual([]);
      expect(await at.balance()).toEqual({ spent: 0, held: 0 });
    }
  });

  test("on a model without a price is refused", async () => {
    await using at = await rig(withPrices());
    const fileId = await uploaded(at.client, fileOf([lineOf(0, { model: "nobody-knows" })]));
    expect(await failure(create(at.client, fileId))).toBeInstanceOf(PriceUnknownError);
  });

  test("without requests is refused", async () => {
    await using at = await rig(withPrices());
    const error = await failure(create(at.client, await uploaded(at.client, fileOf(["", "  "]))));
    expect(error).toBeInstanceOf(CallNotBoundedError);
  });

  test("whose input nobody can read is refused, in words that name the option; allowed, it is let through", async () => {
    await using refusing = await rig(withPrices());
    const error = await failure(create(refusing.client, "file-unknown"));
    expect(error).toBeInstanceOf(CallNotBoundedError);
    expect(error.message).toContain('allow: ["batches"]');
    expect(await failure(refusing.client.post("/batches", { body: {} }))).toBeInstanceOf(CallNotBoundedError);
    expect(refusing.server.ledger.filter(({ route }) => route === "/batches")).toEqual([]);

    await using allowing = await rig(withPrices({ config: { allow: ["batches"] } }));
    allowing.server.respond(() => ({ body: { id: "x" } }));
    expect(await allowing.client.post("/batches", { body: {} })).toMatchObject({ id: "x" });
    await allowing.quiet();
    expect(allowing.events.all.map(({ name }) => name)).toEqual(["call-unmetered"]);
    expect(allowing.events.of("call-unmetered")[0]).toMatchObject({
      what: "allowed-bypass",
      subject: "POST /batches",
    });
  });

  test("that could be read is held for also where batches are allowed", async () => {
    await using at = await rig(withPrices({ config: { allow: ["batches"] } }));
    await created(at);
    expect(at.events.of("call-unmetered")).toEqual([]);
    expect(await openJobs(at)).toHaveLength(1);
  });

  test("is not kept in words: the store knows sums and prices", async () => {
    await using at = await twoProcesses(withPrices());
    const secret = "the canary sings";
    const line = lineOf(0, { messages: [user(secret)], user: secret });
    const batch = await create(at.creator.client, await uploaded(at.creator.client, fileOf([line])));
    await at.creator.quiet();
    const jobs = await openJobs(at.other);
    expect(jobs).toMatchObject([{ jobId: batch.id }]);
    expect(JSON.stringify([jobs, at.creator.events.all])).not.toContain("canary");
  });

  test("a creation that the provider refuses, or that fails, holds nothing", async () => {
    await using at = await rig(withPrices());
    const fileId = await uploaded(at.client);
    at.server.script([{ status: 400 }]);
    await failure(create(at.client, fileId));
    await at.quiet();
    expect(await at.balance()).toEqual({ spent: 0, held: 0 });
  });

  test("that is given up while its input is downloaded fails as the SDK has it, and holds nothing", async () => {
    await using at = await rig(withPrices());
    const fileId = await uploaded(at.bare);
    const controller = new AbortController();
    at.server.respond(({ method }) => (method === "GET" ? { hang: true } : undefined));
    const creating = failure(
      at.client.batches.create(
        { input_file_id: fileId, endpoint: "/v1/chat/completions", completion_window: "24h" },
        { signal: controller.signal },
      ),
    );
    await at.server.waitFor(({ route }) => route.endsWith("/content"));
    controller.abort();
    expect((await creating).constructor.name).toBe("APIUserAbortError");
    await at.quiet();
    expect(at.server.ledger.filter(({ route }) => route === "/batches")).toEqual([]);
    expect(await at.balance()).toEqual({ spent: 0, held: 0 });
  });

  test("answers are those of the bare client", async () => {
    await using at = await rig(withPrices());
    const batch = await created(at, { backgroundPolls: 0 });
    const wrapped = await at.client.batches.retrieve(batch.id).withResponse();
    const bare = await at.bare.batches.retrieve(batch.id).withResponse();
    expect(wrapped.data).toEqual(bare.data);
    expect(wrapped.response.constructor).toBe(bare.response.constructor);
    const read = async (client: OpenAI): Promise<string> =>
      (await client.files.content(wrapped.data.output_file_id!)).text();
    expect(await read(at.client)).toBe(await read(at.bare));
    expect((await failure(at.client.batches.retrieve("batch_none"))).message).toBe(
      (await failure(at.bare.batches.retrieve("batch_none"))).message,
    );
  });
});

async function worstCase(): Promise<number> {
  await using at = await rig(withPrices());
  await created(at);
  return (await at.balance()).held;
}
