import { expect, it, vi } from "vitest";
import { createHoldfast } from "../create-holdfast.ts";
import { guardFetch } from "./guard-fetch.ts";
import { openaiAdapter } from "./openai/adapter.ts";

const BASE = "https://api.openai.com/v1";
const budgets = [{ id: "b", limit: { usd: "1" }, window: "day" }] as const;

/** Takes over what it is given, as the global fetch does, and refuses what was aborted. */
const echo = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
  const request = new Request(input, init);
  request.signal.throwIfAborted();
  return Response.json({ method: request.method, body: await request.text() });
};

function rig(): { fetch: typeof echo; sent: ReturnType<typeof vi.fn<typeof echo>> } {
  const sent = vi.fn<typeof echo>(echo);
  const holdfast = createHoldfast({ budgets });
  return {
    fetch: guardFetch(sent as typeof echo, holdfast, { adapter: openaiAdapter, provider: "openai" }),
    sent,
  };
}

const stream = (text: string): ReadableStream<Uint8Array> => new Blob([text]).stream();

it.each<[string, () => Parameters<typeof echo>]>([
  ["a Request", () => [new Request(`${BASE}/files`, { method: "POST", body: "content" })]],
  [
    "a Request, and more in init",
    () => [new Request(`${BASE}/files`, { method: "POST", body: "content" }), { headers: { a: "b" } }],
  ],
  ["a URL and text", () => [new URL(`${BASE}/files`), { method: "post", body: "content" }]],
  [
    "an address and a stream",
    () => [`${BASE}/files`, { method: "POST", body: stream("content"), duplex: "half" } as RequestInit],
  ],
])("a free request leaves as it was given: %s", async (_, request) => {
  const { fetch, sent } = rig();
  const given = request();
  const answer = await fetch(...given);
  expect(await answer.json()).toEqual({ method: "POST", body: "content" });
  expect(sent.mock.calls).toEqual([[given[0], given[1]]]);
});

it("an aborted Request is refused with the error of a bare fetch", async () => {
  const { fetch } = rig();
  const signal = AbortSignal.abort();
  const request = (): Request =>
    new Request(`${BASE}/chat/completions`, { method: "POST", body: '{"model":"gpt-4o"}', signal });
  const bare: unknown = await echo(request()).catch((error: unknown) => error);
  expect(bare).toMatchObject({ name: "AbortError" });
  await expect(fetch(request())).rejects.toEqual(bare);
});
