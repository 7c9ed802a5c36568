/** @module Keys, prompts, answers and tool arguments reach no event, no error, no inspection and no console. */
import { inspect } from "node:util";
import type { ChatCompletionCreateParamsNonStreaming } from "openai/resources/chat/completions";
import { memoryStore } from "holdfast";
import { describe, expect, test, vi } from "vitest";
import { clientKinds, collect, MODEL, rig } from "./harness.ts";
import type { OpenAI, Rig } from "./harness.ts";

const canary = {
  key: "sk-canary-0-key",
  header: "canary-1-header",
  prompt: "canary-2-prompt",
  completion: "canary-3-completion",
  toolArguments: "canary-4-arguments",
  toolName: "canary_5_tool",
  endUser: "canary-6-user",
  query: "canary-7-query",
  metadata: "canary-8-metadata",
};
const CANARY = /canary[-_]\d/;

const tools = [
  {
    type: "function",
    function: { name: canary.toolName, parameters: { type: "object", description: canary.prompt } },
  },
] as const;

const body = {
  model: MODEL,
  messages: [
    { role: "system", content: canary.prompt },
    { role: "user", content: canary.prompt },
  ],
  max_tokens: 50,
  user: canary.endUser,
  metadata: { note: canary.metadata },
  tools: [...tools],
} as unknown as ChatCompletionCreateParamsNonStreaming;

const options = { headers: { "x-mine": canary.header }, query: { q: canary.query } };

type Doing = (client: OpenAI) => PromiseLike<unknown>;

const create: Doing = (client) => client.chat.completions.create(body, options);
const stream: Doing = async (client) =>
  collect(await client.chat.completions.create({ ...body, stream: true }, options));
const helper: Doing = (client) =>
  client.chat.completions.stream({ ...body, stream: true } as never, options).done();
const responses: Doing = (client) =>
  client.responses.create({ model: MODEL, input: canary.prompt, max_output_tokens: 50 }, options);
const posted: Doing = (client) => client.post(`/mystery?x=${canary.query}`, { body });
const realtime: Doing = (client) => client.post("/realtime/sessions", { body });
const unknownModel: Doing = (client) =>
  client.chat.completions.create({ ...body, model: "no-such-model" }, options);
const unbounded: Doing = (client) =>
  client.responses.create({ model: MODEL, input: "x", prompt: { id: canary.prompt } } as never);

/** Everything that can be made visible of a value. */
function faces(value: unknown): string[] {
  const error = value as { message?: unknown; stack?: unknown; cause?: unknown } | null;
  return [
    inspect(value, {
      depth: 20,
      showHidden: true,
      getters: true,
      maxStringLength: null,
      maxArrayLength: null,
    }),
    JSON.stringify(value) ?? "",
    String(value),
    String(error?.message),
    String(error?.stack),
    inspect(error?.cause, { depth: 20, showHidden: true }),
  ];
}

function expectClean(value: unknown, what: string): void {
  for (const face of faces(value)) {
    const at = face.search(CANARY);
    expect(at < 0 ? "" : face.slice(Math.max(0, at - 200), at + 60), what).toBe("");
  }
}

async function attempt(doing: PromiseLike<unknown>): Promise<unknown> {
  return Promise.resolve(doing).then(
    () => undefined,
    (error: unknown) => error,
  );
}

const cases: Readonly<Record<string, { doing: Doing; prepare?: (at: Rig) => void; ownError?: true }>> = {
  "a whole answer": { doing: create },
  "a tool call": {
    doing: create,
    prepare: ({ server }) =>
      server.script([
        { toolCalls: [{ name: canary.toolName, arguments: { secret: canary.toolArguments } }] },
      ]),
  },
  "a stream": { doing: stream },
  "a stream cut off": { doing: stream, prepare: ({ server }) => server.script([{ endAfterChunk: 2 }]) },
  "a stream dropped": { doing: stream, prepare: ({ server }) => server.script([{ dropAfterChunk: 2 }]) },
  "a stream with an error event": {
    doing: stream,
    prepare: ({ server }) => server.script([{ errorEventAfterChunk: 2 }]),
  },
  "the stream helper": { doing: helper },
  "a response": { doing: responses },
  "an error of the provider that repeats the prompt": {
    doing: create,
    prepare: ({ server }) => server.script([{ status: 400, body: { error: { message: canary.prompt } } }]),
  },
  "broken usage that repeats the answer": {
    doing: create,
    prepare: ({ server }) =>
      server.script([{ reportedUsage: () => ({ prompt_tokens: canary.completion, completion_tokens: 1 }) }]),
  },
  "a denial": {
    doing: create,
    prepare: ({ holdfast }) =>
      holdfast.updateBudgets([{ id: "dry", limit: { usd: "0.000000001" }, window: "day" }]),
    ownError: true,
  },
  "a denial in the stream helper": {
    doing: helper,
    prepare: ({ holdfast }) =>
      holdfast.updateBudgets([{ id: "dry", limit: { usd: "0.000000001" }, window: "day" }]),
    ownError: true,
  },
  "an unknown model": { doing: unknownModel, ownError: true },
  "an unknown endpoint": { doing: posted, ownError: true },
  "a bypass": { doing: realtime, ownError: true },
  "a reference that cannot be bounded": { doing: unbounded, ownError: true },
  "after close()": { doing: create, prepare: ({ holdfast }) => void holdfast.close(), ownError: true },
};

describe.each(clientKinds)("$name", (kind) => {
  test.each(Object.entries(cases))("%s", async (_name, { doing, prepare, ownError }) => {
    const written: unknown[][] = [];
    const spies = (["log", "info", "warn", "error", "debug", "trace"] as const).map((method) =>
      vi.spyOn(console, method).mockImplementation((...args: unknown[]) => void written.push(args)),
    );
    try {
      const store = memoryStore();
      await using at = await rig({
        kind,
        attribution: { tenant: "acme" },
        client: { apiKey: canary.key, logLevel: "off", organization: "org-canary-9" },
        server: { defaults: { content: `${canary.completion} `.repeat(20) } },
        config: { store, estimate: { serverContext: "refuse" } },
      });
      prepare?.(at);
      const error = await attempt(doing(at.client));
      await at.quiet();
      if (ownError === true) {
        expect(error).toBeInstanceOf(Error);
        expect(at.server.requests).toBe(0);
        expectClean(error, "error");
      } else {
        expect(at.server.requests).toBe(1);
        expect(at.events.usage).toHaveLength(1);
      }
      expectClean(at.events.all, "events");
      expectClean(at.holdfast, "holdfast");
      expectClean(store, "store");
      expectClean(await at.holdfast.balances(), "balances");
      expectClean(written, "console");
      expectClean(at.holdfast.holdRatio(), "hold ratio");
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  });

  test("the SDK's own debug log says no more than it does without us", async () => {
    const secrets = async (wrapped: boolean): Promise<string[]> => {
      const lines: unknown[][] = [];
      const write = (...args: unknown[]): void => void lines.push(args);
      const logger = { debug: write, info: write, warn: write, error: write };
      await using at = await rig({
        kind,
        attribution: { user: "u-canary-9" },
        client: { logLevel: "debug", logger },
      });
      await create(wrapped ? at.client : at.bare);
      return [...inspect(lines, { depth: 20, showHidden: true }).matchAll(/canary[-_]\d/g)].map(
        ([found]) => found,
      );
    };
    const [ours, theirs] = [await secrets(true), await secrets(false)];
    expect(ours).not.toContain("canary-9");
    expect([...new Set(ours)].toSorted()).toEqual([...new Set(theirs)].toSorted());
  });
});
