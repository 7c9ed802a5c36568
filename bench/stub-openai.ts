/** @module An OpenAI client whose provider is a function in this process. */
import OpenAI from "openai";

export type StubFetch = (
  url: unknown,
  init?: { readonly body?: unknown; readonly signal?: AbortSignal | null },
) => Promise<Response>;

export const MODEL = "gpt-4o-mini";

/** 200 bytes, as a user would type them. */
export const SHORT_PROMPT =
  "Please summarise the following note for a colleague who was not in the meeting, in three short bullet points: " +
  "we agreed to ship the new billing page on Thursday after a last check.".padEnd(90, ".");

const HEADERS = { "content-type": "application/json", "x-request-id": "req_stub" };
const EVENT_STREAM = { "content-type": "text/event-stream", "x-request-id": "req_stub" };

export function stubClient(fetch: StubFetch): OpenAI {
  return new OpenAI({
    apiKey: "sk-stub",
    baseURL: "http://stub.invalid/v1",
    maxRetries: 0,
    fetch: fetch as unknown as typeof globalThis.fetch,
  });
}

/** A chat completion of the size that providers send, with this usage. */
export function completionJson(inputTokens: number, outputTokens: number): string {
  return JSON.stringify({
    id: "chatcmpl-stub",
    object: "chat.completion",
    created: 1_790_000_000,
    model: MODEL,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content:
            "- The new billing page ships on Thursday.\n- One last check comes first.\n- Everybody agreed.",
          refusal: null,
          annotations: [],
        },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage: {
      prompt_tokens: inputTokens,
      completion_tokens: outputTokens,
      total_tokens: inputTokens + outputTokens,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: {
        reasoning_tokens: 0,
        audio_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    },
    service_tier: "default",
    system_fingerprint: "fp_stub",
  });
}

/** Answers every request with the same completion, each in a Response of its own. */
export function completionFetch(inputTokens = 44, outputTokens = 28): StubFetch {
  const body = completionJson(inputTokens, outputTokens);
  return () => Promise.resolve(new Response(body, { status: 200, headers: HEADERS }));
}

/** Streams `chunks` events, one per chunk of the body; with usage only when the request asks for it, as the provider. */
export function streamFetch(chunks: number): StubFetch {
  const plain = eventsOf(chunks, false);
  const withUsage = eventsOf(chunks, true);
  return (_url, init) => {
    const asked = String(init?.body).includes('"include_usage":true');
    return Promise.resolve(
      new Response(bodyOf(asked ? withUsage : plain), { status: 200, headers: EVENT_STREAM }),
    );
  };
}

function bodyOf(events: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  let next = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        const event = events[next++];
        if (event === undefined) controller.close();
        else controller.enqueue(event);
      },
    },
    { highWaterMark: 0 },
  );
}

function eventsOf(chunks: number, withUsage: boolean): readonly Uint8Array[] {
  const head = { id: "chatcmpl-stub", object: "chat.completion.chunk", created: 1_790_000_000, model: MODEL };
  const tail = { service_tier: "default", system_fingerprint: "fp_stub" };
  const event = (fields: object): Uint8Array =>
    Buffer.from(`data: ${JSON.stringify({ ...head, ...tail, ...fields })}\n\n`);
  const noUsage = withUsage ? { usage: null } : {};
  const events: Uint8Array[] = [];
  for (let i = 0; i < chunks; i++) {
    const finish_reason = i === chunks - 1 ? "stop" : null;
    const delta = i === 0 ? { role: "assistant", content: "", refusal: null } : { content: ` word${i % 97}` };
    events.push(event({ choices: [{ index: 0, delta, logprobs: null, finish_reason }], ...noUsage }));
  }
  const usage = { prompt_tokens: 44, completion_tokens: chunks, total_tokens: 44 + chunks };
  if (withUsage) events.push(event({ choices: [], usage }));
  events.push(Buffer.from("data: [DONE]\n\n"));
  return events;
}
