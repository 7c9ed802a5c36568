/** @module :generateContent and :streamGenerateContent. */
import type { Generation } from "../generation.ts";
import { cutOutput, outputOfChunks } from "../quantities.ts";
import type { Quantities } from "../quantities.ts";
import { jsonReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import { dataPiece } from "../sse.ts";
import { answerTo, chunked } from "./content.ts";
import type { Answer, Part } from "./content.ts";
import { googleError } from "./errors.ts";
import { usageMetadata } from "./usage.ts";

interface CandidateEnd {
  readonly finishReason?: string;
  readonly token?: string | undefined;
  readonly grounding?: object | undefined;
}

function candidate(index: number, parts: readonly Part[], end: CandidateEnd): Record<string, unknown> {
  return {
    content: { parts, role: "model" },
    ...(end.finishReason === undefined ? {} : { finishReason: end.finishReason }),
    index,
    ...(end.token === undefined ? {} : { continuationToken: end.token }),
    ...(end.grounding === undefined ? {} : { groundingMetadata: end.grounding }),
  };
}

function grounding({ step }: Generation): object | undefined {
  const { webSearchQueries, groundingMetadata } = step.google ?? {};
  if (webSearchQueries === undefined) return groundingMetadata;
  return {
    webSearchQueries,
    groundingChunks: webSearchQueries.map((query) => ({
      web: { uri: `https://example.com/?q=${encodeURIComponent(query)}`, title: "example.com" },
    })),
    searchEntryPoint: { renderedContent: "<div></div>" },
    ...groundingMetadata,
  };
}

function envelope(
  generation: Generation,
  candidates: readonly unknown[] | undefined,
  usage: object,
  blocked?: string,
): Record<string, unknown> {
  return {
    ...(candidates === undefined ? {} : { candidates }),
    ...(blocked === undefined
      ? {}
      : { promptFeedback: { blockReason: "SAFETY", blockReasonMessage: blocked } }),
    ...usage,
    modelVersion: generation.model,
    responseId: generation.id("resp-"),
  };
}

function reported(quantities: Quantities, generation: Generation): object {
  return generation.reportedAs("usageMetadata", usageMetadata(quantities, generation));
}

/** The body of a call that does not stream, and the response of a batch item. */
export function wholeAnswer({ request, generation }: EndpointContext): Record<string, unknown> {
  const answer = answerTo(request, generation);
  const usage = reported(generation.quantities, generation);
  if (answer.blocked !== undefined) return envelope(generation, undefined, usage, answer.blocked);
  const end = endOf(answer, generation);
  return envelope(
    generation,
    Array.from({ length: answer.candidates }, (_, index) => candidate(index, answer.parts, end)),
    usage,
  );
}

function endOf({ finishReason }: Answer, generation: Generation): CandidateEnd {
  const token = generation.step.google?.continuationToken;
  return { finishReason, token, grounding: grounding(generation) };
}

/** What the first `written` chunks have cost: a running total. */
function runningUsage(generation: Generation, chunks: number, written: number): object {
  const { quantities, step } = generation;
  const { usageOn = "every" } = step.google ?? {};
  if (usageOn === "last" || (usageOn === "first" && written > 1)) return {};
  const output = outputOfChunks(quantities.outputTokens ?? 0, chunks, written);
  return reported(cutOutput(quantities, output), generation);
}

function streamed({ request, generation }: EndpointContext): Reply {
  const answer = answerTo(request, generation);
  const { usageOn, checkpointAtChunk, continuationToken } = generation.step.google ?? {};
  const end = endOf(answer, generation);
  const indexes = Array.from({ length: answer.candidates }, (_, index) => index);
  const lists = answer.blocked === undefined ? chunked(answer.parts, generation.chunks) : [];
  const total = lists.length * answer.candidates;
  const content = lists.flatMap((parts, position) =>
    indexes.map((index) => {
      const token = position + 1 === checkpointAtChunk ? continuationToken : undefined;
      const usage = runningUsage(generation, total, position * answer.candidates + index + 1);
      return envelope(generation, [candidate(index, parts, { token })], usage);
    }),
  );
  const usage = usageOn === "first" ? {} : reported(generation.quantities, generation);
  const last = envelope(
    generation,
    answer.blocked === undefined ? indexes.map((index) => candidate(index, [{ text: "" }], end)) : undefined,
    usage,
    answer.blocked,
  );
  return {
    status: 200,
    contentType: "text/event-stream",
    prelude: [],
    content: content.map(dataPiece),
    coda: [dataPiece(last)],
    errorPiece: dataPiece(googleError(503)),
    streamed: true,
  };
}

/** Without `alt=sse` a stream is one JSON array, which bills like a whole answer. */
export function generateContent(context: EndpointContext): Reply {
  if (!context.request.stream) return jsonReply(wholeAnswer(context));
  return context.request.query["alt"] === "sse" ? streamed(context) : jsonReply([wholeAnswer(context)]);
}
