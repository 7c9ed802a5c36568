/** @module POST /completions (legacy). */
import { splitText } from "../content.ts";
import { answerText } from "./content.ts";
import { jsonReply } from "../reply.ts";
import { dataStream } from "./streams.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import { chatUsage } from "./usage-shapes.ts";

function choiceCount(body: { readonly [name: string]: unknown }): number {
  const { n, prompt } = body;
  const prompts = Array.isArray(prompt) && typeof prompt[0] !== "number" ? Math.max(1, prompt.length) : 1;
  return prompts * (typeof n === "number" && n > 0 ? n : 1);
}

export function legacyCompletion({ request, generation }: EndpointContext): Reply {
  const text = answerText(request, generation);
  const finishReason = generation.step.finishReason ?? (generation.reachedMaximum ? "length" : "stop");
  const indexes = Array.from({ length: choiceCount(request.body) }, (_, index) => index);
  const envelope = (choices: unknown[], usage: object): Record<string, unknown> => ({
    id: generation.id("cmpl-"),
    object: "text_completion",
    created: generation.createdAt,
    model: generation.model,
    system_fingerprint: generation.systemFingerprint,
    choices,
    ...usage,
  });
  const choice = (index: number, piece: string, reason: string | null): object => ({
    index,
    text: piece,
    logprobs: null,
    finish_reason: reason,
  });
  const usage = generation.reported(chatUsage(generation.quantities));
  if (!request.stream) {
    return jsonReply(
      envelope(
        indexes.map((index) => choice(index, text, finishReason)),
        usage,
      ),
    );
  }
  const options = request.body["stream_options"] as { include_usage?: unknown } | null | undefined;
  const asked = options?.include_usage === true && generation.step.neverStreamUsage !== true;
  const waiting = asked ? { usage: null } : {};
  return dataStream(
    {
      content: splitText(text, generation.chunks).flatMap((piece) =>
        indexes.map((index) => envelope([choice(index, piece, null)], waiting)),
      ),
      coda: [
        ...indexes.map((index) => envelope([choice(index, "", finishReason)], waiting)),
        ...(asked ? [envelope([], usage)] : []),
      ],
    },
    generation.step.omitDone,
  );
}
