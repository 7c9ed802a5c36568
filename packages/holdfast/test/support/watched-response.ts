/** @module A response that is observed, and what the observer saw. */
import { SharedEnd, type BodyEnd, type BodyObserver } from "../../src/provider/observe/body-observer.ts";
import { observeResponse } from "../../src/provider/observe/observe-response.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface Source {
  readonly pieces: readonly string[];
  /** Instead of the end. */
  readonly error?: Error;
  /** Never ends. */
  readonly endless?: boolean;
}

export interface Watched {
  readonly response: Response;
  /** How it ended, as far as an attempt would know; empty as long as it has not. */
  readonly ends: BodyEnd[];
  /** What each observer saw, in the order in which they were made. */
  seen(): readonly string[];
  /** Why the source was cancelled; empty when it was not. */
  readonly cancelled: unknown[];
}

export type Change = (text: string) => string;

/** @param change what the observer passes on of each piece, and what it keeps back for the end */
export function watchedResponse(
  source: Source,
  change?: { readonly piece: Change; readonly rest?: string },
): Watched {
  const cancelled: unknown[] = [];
  const pieces = [...source.pieces];
  const body = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        const piece = pieces.shift();
        if (piece !== undefined) controller.enqueue(encoder.encode(piece));
        else if (source.error !== undefined) controller.error(source.error);
        else if (source.endless !== true) controller.close();
        return undefined;
      },
      cancel: (reason) => {
        cancelled.push(reason);
      },
    },
    { highWaterMark: 0 },
  );
  const response = new Response(body, { headers: { "content-type": "application/json" } });
  const ends: BodyEnd[] = [];
  const shared = new SharedEnd((how) => {
    // As an attempt does: the first report counts.
    if (ends.length === 0) ends.push(how);
  });
  const seen: string[][] = [];
  observeResponse(response, (): BodyObserver => {
    const mine: string[] = [];
    seen.push(mine);
    let rest = change?.rest;
    return {
      chunk: (bytes) => {
        mine.push(decoder.decode(bytes));
        return change === undefined ? bytes : encoder.encode(change.piece(decoder.decode(bytes)));
      },
      rest: () => {
        const kept = rest;
        rest = undefined;
        return kept === undefined ? undefined : encoder.encode(kept);
      },
      text: (text) => {
        mine.push(text);
        return change === undefined ? text : change.piece(text);
      },
      json: (value) => {
        mine.push(JSON.stringify(value));
      },
      end: shared.branch(),
    };
  });
  return { response, ends, seen: () => seen.map((one) => one.join("")), cancelled };
}

export async function drain(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += decoder.decode(value);
  }
}
