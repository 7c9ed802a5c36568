/** @module POST /chat/completions. */
import { splitText } from "../content.ts";
import { answerText, madeToolCalls } from "./content.ts";
import type { MadeToolCall } from "../content.ts";
import type { Generation } from "../generation.ts";
import { jsonReply } from "../reply.ts";
import { dataStream } from "./streams.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import type { ServedRequest } from "../served-request.ts";
import { chatUsage } from "./usage-shapes.ts";

/** What the model says, once; every choice of `n` says the same. */
interface Answer {
  readonly text: string;
  readonly refusal: string | undefined;
  readonly toolCalls: readonly MadeToolCall[];
  readonly audio: boolean;
  readonly finishReason: string;
  readonly choices: number;
}

function answerTo(request: ServedRequest, generation: Generation): Answer {
  const toolCalls = madeToolCalls(request, generation);
  const modalities = request.body["modalities"];
  const count = request.body["n"];
  const natural = toolCalls.length > 0 ? "tool_calls" : generation.reachedMaximum ? "length" : "stop";
  return {
    text: answerText(request, generation),
    refusal: generation.step.refusal,
    toolCalls,
    audio: Array.isArray(modalities) && modalities.includes("audio"),
    finishReason: generation.step.finishReason ?? natural,
    choices: typeof count === "number" && count > 0 ? count : 1,
  };
}

function silence(): string {
  return Buffer.alloc(24).toString("base64");
}

function message(answer: Answer, generation: Generation): Record<string, unknown> {
  const spoken = answer.toolCalls.length === 0 && answer.refusal === undefined;
  return {
    role: "assistant",
    content: spoken && !answer.audio ? answer.text : null,
    refusal: answer.refusal ?? null,
    annotations: [],
    ...(answer.toolCalls.length === 0
      ? {}
      : {
          tool_calls: answer.toolCalls.map(({ id, name, arguments: args }) => ({
            id,
            type: "function",
            function: { name, arguments: args },
          })),
        }),
    ...(answer.audio && spoken
      ? {
          audio: {
            id: generation.id("audio_"),
            data: silence(),
            expires_at: generation.createdAt + 3_600,
            transcript: answer.text,
          },
        }
      : {}),
  };
}

/** The deltas of one choice, one per content chunk. */
function deltas(answer: Answer, generation: Generation): Record<string, unknown>[] {
  if (answer.toolCalls.length > 0) {
    const perCall = Math.max(1, Math.floor(generation.chunks / answer.toolCalls.length));
    return answer.toolCalls.flatMap((call, index) =>
      splitText(call.arguments, perCall).map((piece, position) => ({
        tool_calls: [
          position === 0
            ? { index, id: call.id, type: "function", function: { name: call.name, arguments: piece } }
            : { index, function: { arguments: piece } },
        ],
      })),
    );
  }
  if (answer.refusal !== undefined) {
    return splitText(answer.refusal, generation.chunks).map((refusal) => ({ refusal }));
  }
  const pieces = splitText(answer.text, generation.chunks);
  if (!answer.audio) return pieces.map((content) => ({ content }));
  return pieces.map((transcript) => ({
    audio: { id: generation.id("audio_"), transcript, data: silence() },
  }));
}

function streamed(request: ServedRequest, generation: Generation, answer: Answer): Reply {
  const options = request.body["stream_options"] as { include_usage?: unknown } | null | undefined;
  const asked = options?.include_usage === true && generation.step.neverStreamUsage !== true;
  const unasked = !asked && generation.step.usageUnasked === true;
  const usage = (): object => generation.reported(chatUsage(generation.quantities));
  const chunk = (
    choices: unknown[],
    reported: object = asked ? { usage: null } : {},
  ): Record<string, unknown> => ({
    id: generation.id("chatcmpl-"),
    object: "chat.completion.chunk",
    created: generation.createdAt,
    model: generation.model,
    service_tier: generation.serviceTier,
    system_fingerprint: generation.systemFingerprint,
    choices,
    ...reported,
  });
  const indexes = Array.from({ length: answer.choices }, (_, index) => index);
  const choice = (index: number, delta: object, finishReason: string | null = null): unknown[] => [
    { index, delta, logprobs: null, finish_reason: finishReason },
  ];
  const opening = { role: "assistant", content: answer.toolCalls.length > 0 ? null : "", refusal: null };
  return dataStream(
    {
      prelude: [
        ...(request.azure ? [{ ...chunk([]), model: "", prompt_filter_results: [] }] : []),
        ...indexes.map((index) => chunk(choice(index, opening))),
      ],
      content: deltas(answer, generation).flatMap((delta) =>
        indexes.map((index) => chunk(choice(index, delta))),
      ),
      coda: [
        ...indexes.map((index) =>
          chunk(choice(index, {}, answer.finishReason), unasked ? usage() : undefined),
        ),
        ...(asked ? [chunk([], usage())] : []),
      ],
    },
    generation.step.omitDone,
  );
}

export function chatCompletion({ request, generation }: EndpointContext): Reply {
  const answer = answerTo(request, generation);
  if (request.stream) return streamed(request, generation, answer);
  return jsonReply({
    id: generation.id("chatcmpl-"),
    object: "chat.completion",
    created: generation.createdAt,
    model: generation.model,
    choices: Array.from({ length: answer.choices }, (_, index) => ({
      index,
      message: message(answer, generation),
      logprobs: null,
      finish_reason: answer.finishReason,
    })),
    ...generation.reported(chatUsage(generation.quantities)),
    service_tier: generation.serviceTier,
    system_fingerprint: generation.systemFingerprint,
  });
}
