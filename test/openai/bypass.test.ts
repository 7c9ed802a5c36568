/** @module What goes around metering: refused in words that say how to allow it, then allowed, loudly. */
import { CallNotAllowedError } from "holdfast";
import { describe, expect, test } from "vitest";
import { chatBody, clientKinds, failure, MODEL, rig, sdks } from "./harness.ts";
import type { OpenAI } from "./harness.ts";

interface Way {
  /** The name under which it is allowed. */
  readonly allow: string;
  readonly path: string;
  readonly body?: object;
}

const ways: readonly Way[] = [
  { allow: "realtime", path: "/realtime/client_secrets" },
  { allow: "realtime", path: "/realtime/sessions" },
  { allow: "realtime", path: "/realtime/transcription_sessions" },
  { allow: "realtime", path: "/realtime/calls" },
  { allow: "realtime", path: "/live/sessions" },
  { allow: "evals", path: "/evals/eval_1/runs" },
  { allow: "fine-tuning", path: "/fine_tuning/jobs" },
  { allow: "videos", path: "/videos" },
  { allow: "videos", path: "/videos/video_1/remix" },
  { allow: "containers", path: "/containers" },
  { allow: "agents", path: "/threads/runs" },
  { allow: "agents", path: "/threads/thread_1/runs" },
  { allow: "agents", path: "/threads/thread_1/runs/run_1/submit_tool_outputs" },
  { allow: "agents", path: "/chatkit/sessions" },
  { allow: "agents", path: "/agents/agent_1/sessions" },
];

const byMethod: Readonly<Record<string, { allow: string; call: (client: OpenAI) => PromiseLike<unknown> }>> =
  {
    "fineTuning.jobs.create": {
      allow: "fine-tuning",
      call: (client) => client.fineTuning.jobs.create({ model: MODEL, training_file: "file-1" }),
    },
    "beta.threads.createAndRun": {
      allow: "agents",
      call: (client) => client.beta.threads.createAndRun({ assistant_id: "asst_1" }),
    },
  };

describe.each(clientKinds)("$name", (kind) => {
  test.each(ways)("POST $path is refused, and allowed as $allow", async ({ allow, path, body = {} }) => {
    await using refusing = await rig({ kind, client: { maxRetries: 3 } });
    const error = await failure(refusing.client.post(path, { body }));
    expect(error).toBeInstanceOf(CallNotAllowedError);
    expect(error.message).toContain(`POST ${path}`);
    expect(error.message).toContain(`allow: ["${allow}"]`);
    expect(refusing.server.requests).toBe(0);
    expect((await refusing.balance()).held).toBe(0);

    await using allowing = await rig({ kind, config: { allow: [allow] } });
    allowing.server.respond(() => ({ body: { id: "x" } }));
    expect(await allowing.client.post(path, { body })).toMatchObject({ id: "x" });
    await allowing.quiet();
    expect(allowing.server.requests).toBe(1);
    expect(allowing.events.all.map(({ name }) => name)).toEqual(["call-unmetered"]);
    expect(allowing.events.of("call-unmetered")[0]).toMatchObject({
      what: "allowed-bypass",
      subject: `POST ${path}`,
      provider: "openai",
    });
  });

  test.each(Object.entries(byMethod))("%s by the SDK's own method", async (_name, { allow, call }) => {
    await using refusing = await rig({ kind });
    expect(await failure(call(refusing.client))).toBeInstanceOf(CallNotAllowedError);
    expect(refusing.server.requests).toBe(0);
    await using allowing = await rig({ kind, config: { allow: [allow] } });
    allowing.server.respond(() => ({ body: { id: "x" } }));
    expect(await call(allowing.client)).toMatchObject({ id: "x" });
    expect(allowing.server.requests).toBe(1);
  });

  test("an allowed way does not open the others", async () => {
    await using at = await rig({ kind, config: { allow: ["batches"] } });
    expect(await failure(at.client.post("/realtime/sessions", { body: {} }))).toBeInstanceOf(
      CallNotAllowedError,
    );
    expect(at.server.requests).toBe(0);
  });

  test.each([
    ["code_interpreter", "containers"],
    ["image_generation", "agents"],
  ])("the hosted tool %s is billed apart, and needs %s", async (type, allow) => {
    const body = { model: MODEL, input: "Hi", max_output_tokens: 50, tools: [{ type }] } as never;
    await using refusing = await rig({ kind });
    const error = await failure(refusing.client.responses.create(body));
    expect(error).toBeInstanceOf(CallNotAllowedError);
    expect(error.message).toContain(`allow: ["${allow}"]`);
    await using allowing = await rig({ kind, config: { allow: [allow] } });
    await allowing.client.responses.create(body);
    expect(allowing.server.requests).toBe(1);
  });

  test("an unknown endpoint is refused by default", async () => {
    await using at = await rig({ kind });
    for (const path of [
      "/mystery",
      "/v1/mystery",
      "/chat/completionz",
      "/../chat/completions2",
      "/chat/completions/x/y/z",
    ]) {
      const error = await failure(at.client.post(path, { body: chatBody() }));
      expect(error, path).toBeInstanceOf(CallNotAllowedError);
      expect(error.message).toContain('unknownEndpoint: "alarm"');
    }
    expect(at.server.requests).toBe(0);
  });

  test("an unknown endpoint that is let through raises the alarm; its query stays out of it", async () => {
    await using at = await rig({ kind, config: { unknownEndpoint: "alarm" } });
    at.server.respond(() => ({ body: { ok: true } }));
    expect(await at.client.post("/mystery?key=sk-secret", { body: {} })).toEqual({ ok: true });
    await at.quiet();
    expect(at.events.of("call-unmetered")).toMatchObject([
      { what: "unknown-endpoint", subject: "POST /mystery" },
    ]);
    expect(JSON.stringify(at.events.all)).not.toContain("sk-secret");
  });

  test.each([
    "/chat/completions/",
    "chat/completions",
    "//chat/completions",
    "/v1/chat/completions",
    "/chat/completions?x=1",
    "/chat/completions#x",
    "/chat//completions",
    "/chat/./completions",
    "/x/../chat/completions",
    "/%63hat/completions",
    "/chat%2Fcompletions",
    "/CHAT/completions",
    "/chat\\completions",
    "/chat/\tcompletions",
    "/models/../chat/completions",
    "/models/%2e%2e/chat/completions",
    "/files/.%2E/./chat/completions",
    "/models/..\\chat/completions",
    "/models/.\t./chat/completions",
    "/threads/x/../../chat/completions",
  ])("another spelling of a metered path, %s, is no way around: metered or refused", async (path) => {
    await using at = await rig({ kind });
    at.server.respond(() => ({
      body: { usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } },
    }));
    const result = await Promise.resolve(at.client.post(path, { body: chatBody() })).then(
      () => "sent",
      (error: unknown) => (error instanceof CallNotAllowedError ? "refused" : "sent"),
    );
    await at.quiet();
    expect(at.server.requests).toBe(result === "sent" ? 1 : 0);
    expect(at.events.usage).toHaveLength(result === "sent" ? 1 : 0);
    expect((await at.balance()).held).toBe(0);
  });

  test("PUT and PATCH are looked at as POST is; reading and deleting are free", async () => {
    await using at = await rig({ kind });
    at.server.respond(() => ({ body: {} }));
    expect(await failure(at.client.put("/mystery", { body: {} }))).toBeInstanceOf(CallNotAllowedError);
    expect(await failure(at.client.patch("/mystery", { body: {} }))).toBeInstanceOf(CallNotAllowedError);
    expect(at.server.requests).toBe(0);
    await at.client.get("/models");
    await at.client.files.list();
    await at.quiet();
    expect(at.server.requests).toBe(2);
    expect(at.events.all).toEqual([]);
  });
});

test("free endpoints of every major need no budget", async () => {
  for (const sdk of sdks) {
    const kind = clientKinds.find((one) => one.sdk === sdk)!;
    await using at = await rig({
      kind,
      budgets: [{ id: "dry", limit: { usd: "0.000000001" }, window: "day" }],
    });
    at.server.respond(() => ({ body: { id: "x", data: [] } }));
    await at.client.models.list();
    await at.client.vectorStores.create({ name: "x" });
    await at.client.files.create({ file: new File(["x"], "x.txt"), purpose: "user_data" });
    await at.client.beta.assistants.create({ model: MODEL });
    await at.client.responses.cancel("resp_1");
    await at.quiet();
    expect(at.server.requests).toBe(5);
    expect(at.events.all).toEqual([]);
  }
});
