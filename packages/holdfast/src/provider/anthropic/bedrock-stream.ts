/**
 * @module Leaving a Bedrock stream early, so that the provider hears of it.
 *
 * AnthropicBedrock (1.1, 2026-11) turns AWS's frames into events by a generator that reads one frame ahead. Cancelling its
 * stream waits for that frame: an application that breaks is kept waiting, and the model goes on, until the next frame
 * arrives. Here the request itself is aborted at once.
 */
import type { CanonicalRequest, Next } from "./client-shape.ts";

export async function sendCancellable(request: CanonicalRequest, next: Next): Promise<Response> {
  const left = new AbortController();
  const signals = request.signal ? [request.signal, left.signal] : [left.signal];
  const response = await next({ ...request, signal: AbortSignal.any(signals) });
  const isStream = response.headers.get("content-type")?.includes("text/event-stream") === true;
  if (response.body === null || !isStream) return response;
  const reader = response.body.getReader();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel(reason) {
        const cancelled = reader.cancel(reason);
        left.abort();
        await cancelled;
      },
    },
    { highWaterMark: 0 },
  );
  const { status, statusText, headers, url } = response;
  const passed = new Response(body, { status, statusText, headers });
  // A made response has none, and the SDK logs it.
  Object.defineProperty(passed, "url", { value: url });
  return passed;
}
