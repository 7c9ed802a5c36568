/** @module What an endpoint hands to the delivery: pieces in order, and whether it is a stream. */
import type { Generation } from "./generation.ts";
import type { ServedRequest } from "./served-request.ts";
import { dataPiece, donePiece, eventPiece, jsonPiece } from "./sse.ts";
import type { Piece } from "./sse.ts";

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  /** Before the first content chunk (role chunk, response.created ...). */
  readonly prelude: readonly Piece[];
  /** The chunks that carry output; faults and billing count these. */
  readonly content: readonly Piece[];
  /** After the last content chunk (finish reason, usage, [DONE]). */
  readonly coda: readonly Piece[];
  /** Sent by `errorEventAfterChunk`. */
  readonly errorPiece: Piece;
  /** A stream bills by the chunk; anything else bills in full as soon as it is generated. */
  readonly streamed: boolean;
}

/** Everything an endpoint may look at. */
export interface EndpointContext {
  readonly request: ServedRequest;
  readonly generation: Generation;
}

const streamError = {
  message: "The server had an error while processing your request. Sorry about that!",
  type: "server_error",
  param: null,
  code: "server_error",
};

/** A body that is delivered (and cut by faults) in pieces, but billed in full once generated. */
export function wholeReply(contentType: string, content: readonly Piece[], status = 200): Reply {
  const errorPiece = jsonPiece({ error: streamError });
  return { status, contentType, prelude: [], content, coda: [], errorPiece, streamed: false };
}

export function jsonReply(payload: unknown, status = 200): Reply {
  return wholeReply("application/json", [jsonPiece(payload)], status);
}

interface StreamParts<Payload> {
  readonly prelude?: readonly Payload[];
  readonly content: readonly Payload[];
  readonly coda: readonly Payload[];
}

const eventStreamType = "text/event-stream; charset=utf-8";

/** A stream of plain `data:` chunks, closed by [DONE] (chat and legacy completions). */
export function dataStream(parts: StreamParts<unknown>, omitDone: boolean | undefined): Reply {
  return {
    status: 200,
    contentType: eventStreamType,
    prelude: (parts.prelude ?? []).map(dataPiece),
    content: parts.content.map(dataPiece),
    coda: [...parts.coda.map(dataPiece), ...(omitDone === true ? [] : [donePiece])],
    errorPiece: dataPiece({ error: streamError }),
    streamed: true,
  };
}

export interface TypedEvent {
  readonly type: string;
  readonly [name: string]: unknown;
}

/** A stream of named events, which has no [DONE] (responses, images, audio). */
export function eventStream(parts: StreamParts<TypedEvent>): Reply {
  return {
    status: 200,
    contentType: eventStreamType,
    prelude: (parts.prelude ?? []).map(eventPiece),
    content: parts.content.map(eventPiece),
    coda: parts.coda.map(eventPiece),
    errorPiece: eventPiece({ ...streamError, type: "error", sequence_number: 0 } as TypedEvent),
    streamed: true,
  };
}
