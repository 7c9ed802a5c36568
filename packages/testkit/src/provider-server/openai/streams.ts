/** @module OpenAI's two kinds of stream: plain data closed by [DONE], and named events. */
import type { Reply } from "../reply.ts";
import { dataPiece, donePiece, eventPiece } from "../sse.ts";

const streamError = {
  message: "The server had an error while processing your request. Sorry about that!",
  type: "server_error",
  param: null,
  code: "server_error",
};

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
