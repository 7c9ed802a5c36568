/**
 * @module Watches the answer to a request that costs nothing, because it may tell how a job has ended.
 *
 * The answer is read by the application alone, when and as far as it likes; nothing that goes wrong here reaches it.
 */
import type { BodyEnd, BodyObserver } from "../observe/body-observer.ts";
import { parseJson } from "../observe/event-data.ts";
import { observeResponse } from "../observe/observe-response.ts";

/** What is to be done with the answer to a request; gets every response, also those of failed tries. */
export type ResponseWatch = (response: Response) => void;

/** Runs `watch`, and whatever it does wrong changes nothing. */
export function watchSafely(response: Response, watch: ResponseWatch): void {
  try {
    watch(response);
  } catch {
    // The application's answer is not ours to spoil; the job is settled by a later look, or expires.
  }
}

/** Hears the body of a JSON answer, when the application has read all of it. */
export function observeJsonBody(response: Response, onBody: (body: unknown) => void): void {
  let isHeard = false;
  const hear = (body: unknown): void => {
    if (isHeard) return;
    isHeard = true;
    safely(() => onBody(body));
  };
  observeResponse(response, (): BodyObserver => {
    const chunks: Uint8Array[] = [];
    return {
      chunk: (bytes) => {
        chunks.push(bytes.slice());
        return bytes;
      },
      rest: () => undefined,
      text: (text) => {
        safely(() => hear(parseJson(text)));
        return text;
      },
      json: hear,
      end: (how) => {
        if (how === "done" && chunks.length > 0) {
          safely(() => hear(parseJson(new TextDecoder().decode(Buffer.concat(chunks)))));
        }
      },
    };
  });
}

/** Hears an answer piece by piece, and how it has ended. */
export function observeBytes(
  response: Response,
  start: () => { readonly push: (bytes: Uint8Array) => void; readonly end: (how: BodyEnd) => void },
): void {
  let isOver = false;
  observeResponse(response, (): BodyObserver => {
    const reader = start();
    return {
      chunk: (bytes) => {
        safely(() => reader.push(bytes));
        return bytes;
      },
      rest: () => undefined,
      text: (text) => {
        safely(() => reader.push(Buffer.from(text, "utf8")));
        return text;
      },
      json: (value) => safely(() => reader.push(Buffer.from(JSON.stringify(value) ?? "", "utf8"))),
      end: (how) => {
        if (isOver) return;
        isOver = true;
        safely(() => reader.end(how));
      },
    };
  });
}

function safely(act: () => void): void {
  try {
    act();
  } catch {
    // As in watchSafely.
  }
}
