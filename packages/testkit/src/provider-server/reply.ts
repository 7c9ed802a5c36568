/** @module What an endpoint hands to the delivery: pieces in order, and whether it is a stream. */
import type { Generation } from "./generation.ts";
import type { ServedRequest } from "./served-request.ts";
import { jsonPiece } from "./sse.ts";
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
  /** Sent by `garbageAtChunk`. @default text where JSON belongs */
  readonly garbage?: Piece;
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

/** A body that is delivered (and cut by faults) in pieces, but billed in full once generated. */
export function wholeReply(contentType: string, content: readonly Piece[], status = 200): Reply {
  const errorPiece = jsonPiece({
    error: { message: "The server had an error in the middle of its answer." },
  });
  return { status, contentType, prelude: [], content, coda: [], errorPiece, streamed: false };
}

export function jsonReply(payload: unknown, status = 200): Reply {
  return wholeReply("application/json", [jsonPiece(payload)], status);
}
