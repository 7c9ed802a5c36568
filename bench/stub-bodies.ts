/** @module Answers of Anthropic and Google as their APIs send them, for clients whose provider is a function. */
import type { StubFetch } from "./stub-openai.ts";

export const CLAUDE = "claude-haiku-4-5";
export const GEMINI = "gemini-2.5-flash";

const TEXT = "- The new billing page ships on Thursday.\n- One last check comes first.\n- Everybody agreed.";

const CLAUDE_USAGE = {
  input_tokens: 44,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
  output_tokens: 28,
  service_tier: "standard",
};

const CLAUDE_MESSAGE = {
  id: "msg_stub",
  type: "message",
  role: "assistant",
  model: CLAUDE,
  content: [{ type: "text", text: TEXT }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: CLAUDE_USAGE,
};

const geminiAnswer = (text: string, outputTokens: number, last: boolean): object => ({
  candidates: [
    {
      content: { role: "model", parts: [{ text }] },
      index: 0,
      ...(last ? { finishReason: "STOP" } : {}),
    },
  ],
  modelVersion: GEMINI,
  responseId: "stub",
  usageMetadata: {
    promptTokenCount: 44,
    candidatesTokenCount: outputTokens,
    totalTokenCount: 44 + outputTokens,
    promptTokensDetails: [{ modality: "TEXT", tokenCount: 44 }],
  },
});

/** One answer in JSON, or `chunks` events in a stream, each in a chunk of the body of its own. */
export interface Bodies {
  readonly json: string;
  events(chunks: number): readonly string[];
}

export const claudeBodies: Bodies = {
  json: JSON.stringify(CLAUDE_MESSAGE),
  events: (chunks) => {
    const event = (data: { type: string }): string =>
      `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
    const start = {
      ...CLAUDE_MESSAGE,
      content: [],
      stop_reason: null,
      usage: { ...CLAUDE_USAGE, output_tokens: 1 },
    };
    return [
      event({ type: "message_start", message: start } as { type: string }),
      event({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } } as {
        type: string;
      }),
      ...Array.from({ length: chunks }, (_, n) =>
        event({
          type: "content_block_delta",
          index: 0,
          delta: { type: "text_delta", text: ` word${n % 97}` },
        } as { type: string }),
      ),
      event({ type: "content_block_stop", index: 0 } as { type: string }),
      event({
        type: "message_delta",
        delta: { stop_reason: "end_turn", stop_sequence: null },
        usage: { output_tokens: chunks },
      } as { type: string }),
      event({ type: "message_stop" }),
    ];
  },
};

export const geminiBodies: Bodies = {
  json: JSON.stringify(geminiAnswer(TEXT, 28, true)),
  events: (chunks) =>
    Array.from(
      { length: chunks },
      (_, n) => `data: ${JSON.stringify(geminiAnswer(` word${n % 97}`, n + 1, n === chunks - 1))}\r\n\r\n`,
    ),
};

const JSON_TYPE = { "content-type": "application/json" };
const EVENTS_TYPE = { "content-type": "text/event-stream" };

export function jsonFetch({ json }: Bodies): StubFetch {
  return () => Promise.resolve(new Response(json, { status: 200, headers: JSON_TYPE }));
}

export function eventsFetch(bodies: Bodies, chunks: number): StubFetch {
  const events = bodies.events(chunks).map((event) => Buffer.from(event));
  return () => {
    let next = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          const event = events[next++];
          if (event === undefined) controller.close();
          else controller.enqueue(event);
        },
      },
      { highWaterMark: 0 },
    );
    return Promise.resolve(new Response(body, { status: 200, headers: EVENTS_TYPE }));
  };
}
