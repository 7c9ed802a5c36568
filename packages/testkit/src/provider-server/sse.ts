/** @module Pieces of a body: JSON, server-sent events, and AWS's binary event stream. */
import { eventStreamFrame } from "./event-stream-frame.ts";

export interface FramedPiece {
  readonly framing: "json" | "line" | "data" | "event" | "aws";
  readonly payload: unknown;
}

/** Several pieces that count as one: a delta with the events that go with it. */
export interface PieceGroup {
  readonly framing: "group";
  readonly pieces: readonly Piece[];
}

/** Bytes as they are, a JSON payload that is framed when it is written, or a group of such. */
export type Piece = Buffer | FramedPiece | PieceGroup;

export function group(pieces: readonly Piece[]): Piece {
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : { framing: "group", pieces };
}

/** The same piece with its events in AWS's binary frames, as Bedrock sends them. */
export function awsFramed(piece: Piece): Piece {
  if (Buffer.isBuffer(piece)) return piece;
  if (piece.framing === "group") return group(piece.pieces.map(awsFramed));
  return { ...piece, framing: "aws" };
}

export function jsonPiece(payload: unknown): Piece {
  return { framing: "json", payload };
}

/** One line of JSONL. */
export function linePiece(payload: unknown): Piece {
  return { framing: "line", payload };
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
  if (piece.framing === "group") return Buffer.concat(piece.pieces.map((one) => encodePiece(one, edit)));
  const payload = edit === undefined ? piece.payload : edit(piece.payload);
  const json = JSON.stringify(payload);
  if (piece.framing === "json") return Buffer.from(json);
  if (piece.framing === "line") return Buffer.from(`${json}\n`);
  if (piece.framing === "aws") return eventStreamFrame(json);
  if (piece.framing === "data") return Buffer.from(`data: ${json}\n\n`);
  return Buffer.from(`event: ${(payload as { type: string }).type}\ndata: ${json}\n\n`);
}
