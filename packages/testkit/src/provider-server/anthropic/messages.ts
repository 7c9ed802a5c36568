/** @module POST /v1/messages on every platform: a message, or the events that build it up. */
import { brokenFrame, exceptionFrame } from "../event-stream-frame.ts";
import type { Generation } from "../generation.ts";
import { outputOfChunks } from "../quantities.ts";
import { jsonReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import { awsFramed, eventPiece, group } from "../sse.ts";
import type { Piece } from "../sse.ts";
import type { ServedRequest } from "../served-request.ts";
import type { Stores } from "../stores.ts";
import { answerTo, chunksPerBlock, deltasOf } from "./content.ts";
import type { Answer } from "./content.ts";
import { anthropicError } from "./errors.ts";
import { deltaUsage, messageUsage } from "./usage.ts";

type Event = { readonly type: string; readonly [name: string]: unknown };

function container(request: ServedRequest): object {
  const beta = request.query["beta"] === "true" || request.headers["anthropic-beta"] !== undefined;
  return beta ? { context_management: null } : {};
}

function message(
  { request, generation }: EndpointContext,
  answer: Answer | undefined,
  usage: object,
): Record<string, unknown> {
  return {
    id: generation.id("msg_"),
    type: "message",
    role: "assistant",
    model: generation.model,
    content: answer?.blocks ?? [],
    stop_reason: answer?.stopReason ?? null,
    stop_sequence: null,
    stop_details: answer?.stopDetails ?? null,
    container: null,
    diagnostics: null,
    ...container(request),
    ...usage,
  };
}

/** The final message: the body of a call that does not stream, and the result of a batch item. */
export function wholeMessage(context: EndpointContext): Record<string, unknown> {
  const { request, generation } = context;
  const { quantities, parts } = generation;
  const usage = generation.reported(messageUsage(quantities, generation, parts));
  return message(context, answerTo(request, generation), usage);
}

/** All of the input, and the first token: what `message_start` knows. Searches and later passes are still to come. */
function startUsage(generation: Generation): Record<string, unknown> {
  const { quantities } = generation;
  const outputTokens = Math.min(1, quantities.outputTokens ?? 0);
  const { reasoningTokens: _1, webSearchRequests: _2, webFetchRequests: _3, ...known } = quantities;
  const start = { ...known, outputTokens, ...generation.step.anthropic?.startUsage };
  const { iterations: _later, ...usage } = messageUsage(start, generation, generation.parts);
  return usage;
}

/** The content chunks: each a delta with the framing that goes with it. */
function contentPieces(answer: Answer, generation: Generation): Piece[] {
  const { blocks } = answer;
  const shares = chunksPerBlock(blocks, generation.chunks);
  const pieces: Event[][] = [];
  let pending: Event[] = [];
  blocks.forEach((block, index) => {
    const { start, deltas, closing } = deltasOf(block, shares[index] ?? 0);
    pending.push({ type: "content_block_start", index, content_block: start });
    for (const delta of deltas) {
      pieces.push([...pending, { type: "content_block_delta", index, delta }]);
      pending = [];
    }
    const after: Event[] = [
      ...closing.map((delta) => ({ type: "content_block_delta", index, delta })),
      { type: "content_block_stop", index },
    ];
    if (deltas.length > 0) pieces.at(-1)?.push(...after);
    else pending.push(...after);
  });
  if (pending.length > 0) pieces.push(pending);
  const pings = Array.from({ length: generation.step.anthropic?.pings ?? 0 }, () => ({ type: "ping" }));
  const { messageDeltas = 1 } = generation.step.anthropic ?? {};
  return pieces.map((events, index) =>
    group([
      ...[...pings, ...events].map(eventPiece),
      ...(index < messageDeltas - 1 ? [eventPiece(runningDelta(generation, pieces.length, index + 1))] : []),
    ]),
  );
}

/** A `message_delta` in the middle: the output so far. */
function runningDelta(generation: Generation, chunks: number, written: number): Event {
  const { quantities } = generation;
  const outputTokens = outputOfChunks(quantities.outputTokens ?? 0, chunks, written);
  const reasoning =
    quantities.reasoningTokens === undefined
      ? {}
      : { reasoningTokens: Math.min(quantities.reasoningTokens, outputTokens) };
  const truth = deltaUsage({ ...quantities, ...reasoning, outputTokens }, generation, generation.parts);
  return {
    type: "message_delta",
    delta: { stop_reason: null, stop_sequence: null },
    ...generation.reported(truth),
  };
}

function streamed(context: EndpointContext): Reply {
  const { request, generation } = context;
  const answer = answerTo(request, generation);
  const usage = generation.reported(deltaUsage(generation.quantities, generation, generation.parts));
  const end: Event = {
    type: "message_delta",
    delta: {
      stop_reason: answer.stopReason,
      stop_sequence: null,
      stop_details: answer.stopDetails,
      container: null,
    },
    ...container(request),
    ...usage,
  };
  const opening = generation.reported(startUsage(generation));
  const start: Event = { type: "message_start", message: message(context, undefined, opening) };
  const reply: Reply = {
    status: 200,
    contentType: "text/event-stream; charset=utf-8",
    prelude: [eventPiece(start), eventPiece({ type: "ping" })],
    content: contentPieces(answer, generation),
    coda: [eventPiece(end), ...(generation.step.omitDone === true ? [] : [eventPiece(stop(context))])],
    errorPiece: eventPiece(anthropicError(529, generation.id("req_"))),
    garbage: Buffer.from('event: content_block_delta\ndata: {"broken": tru\n\n'),
    streamed: true,
  };
  return framed(request) ? onBedrock(reply) : reply;
}

/** Bedrock's own path frames its events; its newer one answers like Anthropic's. */
function framed({ path }: ServedRequest): boolean {
  return path.endsWith("/invoke-with-response-stream");
}

/** Bedrock adds its own count to the last event. */
function stop({ request, generation }: EndpointContext): Event {
  if (!framed(request)) return { type: "message_stop" };
  const { quantities } = generation;
  return {
    type: "message_stop",
    "amazon-bedrock-invocationMetrics": {
      inputTokenCount: quantities.inputTokens ?? 0,
      outputTokenCount: quantities.outputTokens ?? 0,
      invocationLatency: 500,
      firstByteLatency: 100,
    },
  };
}

function onBedrock(reply: Reply): Reply {
  return {
    ...reply,
    contentType: "application/vnd.amazon.eventstream",
    prelude: reply.prelude.map(awsFramed),
    content: reply.content.map(awsFramed),
    coda: reply.coda.map(awsFramed),
    errorPiece: exceptionFrame("modelStreamErrorException", "The model stopped in the middle."),
    garbage: brokenFrame(),
  };
}

export function createMessage({ request, generation }: EndpointContext, { threads }: Stores): Reply {
  const whole = threads.resolve(request);
  if (whole === undefined) {
    const error = anthropicError(404, generation.id("req_"), "No usable thread was found.");
    const details = { error_code: "thread_not_found" };
    return jsonReply({ ...error, error: { ...error.error, details } }, 404);
  }
  const context = { request: whole, generation };
  threads.keep(whole, generation.id("msg_"), () => answerTo(whole, generation).blocks);
  return whole.stream ? streamed(context) : jsonReply(wholeMessage(context));
}
