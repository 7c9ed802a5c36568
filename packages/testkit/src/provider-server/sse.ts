/** @module Pieces of a body, and server-sent events as OpenAI frames them. */

/** Bytes as they are, or a JSON payload that is framed when it is written. */
export type Piece = Buffer | { readonly framing: "json" | "data" | "event"; readonly payload: unknown };

export function jsonPiece(payload: unknown): Piece {
  return { framing: "json", payload };
}

/** `data: {...}` and a blank line. */
export function dataPiece(payload: unknown): Piece {
  return { framing: "data", payload };
}

/** With an `event:` line named after the payload's type, as /responses, images and audio send it. */
export function eventPiece(payload: { readonly type: string }): Piece {
  return { framing: "event", payload };
}

/** Text where JSON belongs. */
export const garbagePiece: Piece = Buffer.from('data: {"broken": tru\n\n');

export const donePiece: Piece = Buffer.from("data: [DONE]\n\n");

/** The bytes of a piece; `edit` may change its payload first. */
export function encodePiece(piece: Piece, edit: ((payload: unknown) => unknown) | undefined): Buffer {
  if (Buffer.isBuffer(piece)) return piece;
  const payload = edit === undefined ? piece.payload : edit(piece.payload);
  const json = JSON.stringify(payload);
  if (piece.framing === "json") return Buffer.from(json);
  if (piece.framing === "data") return Buffer.from(`data: ${json}\n\n`);
  return Buffer.from(`event: ${(payload as { type: string }).type}\ndata: ${json}\n\n`);
}
