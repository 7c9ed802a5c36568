/** @module What a test can tell the server to do with a request. */
import type { ProviderName } from "./address.ts";
import type { AnthropicStep } from "./anthropic/step.ts";
import type { GoogleStep } from "./google/step.ts";
import type { MalformedUsage } from "./malformed-usage.ts";
import type { Quantities } from "./quantities.ts";
import type { ServedRequest } from "./served-request.ts";

/** A tool call that the model makes; arguments default to a sample of the tool's own JSON schema. */
export interface ScriptedToolCall {
  readonly name: string;
  readonly arguments?: unknown;
  readonly id?: string;
}

export type BatchResultType = "succeeded" | "errored" | "canceled" | "expired";

/**
 * The treatment of one request. All fields combine; an empty step is a normal answer. A "chunk" is a content
 * chunk (a delta event, a partial image, a piece of audio), counted from 1; framing events are not counted.
 */
export interface ProviderStep {
  /** Only a request whose route ends with this takes the step from the queue: "/embeddings", ":countTokens". */
  readonly path?: string | undefined;
  /** Only a request to this provider takes the step from the queue. */
  readonly provider?: ProviderName | undefined;

  /** HTTP status. From 400 on the call fails before generation and bills nothing. */
  readonly status?: number | undefined;
  /** Added to (and replacing) the default headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Replaces the answer: a string or bytes go out as they are, anything else as JSON. */
  readonly body?: unknown;

  /** The text of the answer (chat, completion, response, transcript). */
  readonly content?: string | undefined;
  /**
   * A refusal. OpenAI: instead of the text. Anthropic: the explanation of a `stop_reason: "refusal"` after the
   * text. Google: the prompt is blocked, the text of `promptFeedback`, and no output is billed by default.
   */
  readonly refusal?: string | undefined;
  readonly toolCalls?: readonly ScriptedToolCall[] | undefined;
  /** Thoughts before the text (Anthropic's thinking block, Google's thought part). @default none, or a sample when `reasoningTokens` are billed and the request shows them */
  readonly thinking?: string | undefined;
  /** Default: "stop", "tool_calls", or "length" when the request's own maximum was reached; in the provider's own words. */
  readonly finishReason?: string | undefined;
  /** The model in the answer. Default: the requested one, or its dated snapshot. */
  readonly model?: string | undefined;
  /** The tier in the answer. Default: as requested, "default" for auto, "priority" for fast. */
  readonly serviceTier?: string | null | undefined;
  readonly systemFingerprint?: string | undefined;
  /** How a /responses call or an interaction ends. @default "completed" */
  readonly responseStatus?: "completed" | "failed" | "incomplete" | undefined;
  /**
   * GETs of a background response, a background interaction or a batch that still find it in progress; Infinity
   * until the server's `endJobs`. @default 0
   */
  readonly backgroundPolls?: number | undefined;
  /** What becomes of each batch item, by its `custom_id` or key. Only those that succeed are billed. @default "succeeded" */
  readonly batchResult?: BatchResultType | ((key: string) => BatchResultType) | undefined;
  /** What each batch item bills, over `usage`. */
  readonly itemUsage?: ((key: string) => Quantities) | undefined;
  /** Last change to each JSON payload (body, chunk or event data) before it is written. */
  readonly edit?: ((payload: unknown) => unknown) | undefined;

  /** What only Anthropic has. */
  readonly anthropic?: AnthropicStep | undefined;
  /** What only Google has. */
  readonly google?: GoogleStep | undefined;

  /** The truth: what this call bills. Merged over the server's `usage` option. */
  readonly usage?: Quantities | undefined;
  /** Reports the usage in a broken form; the ledger keeps the truth. */
  readonly malformedUsage?: MalformedUsage | undefined;
  /** Reports this instead of the true usage object. */
  readonly reportedUsage?: ((truth: Record<string, unknown>) => unknown) | undefined;

  /** Content chunks per choice. @default 5 */
  readonly chunks?: number | undefined;
  /** Time before the first byte. @default 0 */
  readonly delayMs?: number | undefined;
  /** Time between content chunks. @default 0 (one turn of the event loop) */
  readonly chunkDelayMs?: number | undefined;
  /** Cuts the bytes of the body every n bytes, or at these offsets, into separate writes. */
  readonly splitBytes?: number | readonly number[] | undefined;
  /** Sends the whole body in one write. */
  readonly coalesce?: boolean | undefined;

  /** Never answers. Ends when the client gives up or the server closes. */
  readonly hang?: boolean | undefined;
  /** Destroys the socket before any reply and before generation. */
  readonly drop?: boolean | undefined;
  /** Generates and bills in full, then destroys the socket without a reply. */
  readonly lostReply?: boolean | undefined;
  /** Sends the headers of a 200 and nothing more. */
  readonly bodyHangAfterHeaders?: boolean | undefined;
  /** Resets the connection (RST) after n content chunks. */
  readonly dropAfterChunk?: number | undefined;
  /** Ends the body cleanly after n content chunks: no finish reason, no usage, no [DONE]. */
  readonly endAfterChunk?: number | undefined;
  /** Stops after n content chunks and waits for the client: the way to time an abort exactly. */
  readonly hangAfterChunk?: number | undefined;
  /** Sends an error event after n content chunks and ends the body. */
  readonly errorEventAfterChunk?: number | undefined;
  /** Replaces content chunk n by text that is not JSON. */
  readonly garbageAtChunk?: number | undefined;
  /** Chat streams that were not asked for usage report it all the same, in their last choice (Mistral's API does). */
  readonly usageUnasked?: boolean | undefined;
  /** A compatible server that does not know `stream_options` and answers 400 to it (chat and completions). */
  readonly rejectStreamOptions?: boolean | undefined;
  /** Never reports usage in a stream, asked or not, as some compatible servers (chat and completions). */
  readonly neverStreamUsage?: boolean | undefined;
  /** Leaves out the closing `data: [DONE]`, of Anthropic `message_stop`. */
  readonly omitDone?: boolean | undefined;

  /** Overrules the billing rule: true bills in full, false bills nothing, whatever happened. */
  readonly generated?: boolean | undefined;
}

/** Decides the step of a request that finds no queued one. */
export type Responder = (
  request: ServedRequest,
) => ProviderStep | undefined | Promise<ProviderStep | undefined>;

/** The queue of steps, then the responder. Only POSTs take from the queue, so polling does not eat steps. */
export class Script {
  #queue: ProviderStep[] = [];
  #responder: Responder | undefined;

  push(steps: readonly ProviderStep[]): void {
    this.#queue.push(...steps);
  }

  respond(responder: Responder | undefined): void {
    this.#responder = responder;
  }

  get pending(): number {
    return this.#queue.length;
  }

  clear(): void {
    this.#queue = [];
    this.#responder = undefined;
  }

  /** Takes a queued step synchronously, so that requests get steps in the order of their arrival. */
  take(request: ServedRequest): ProviderStep | undefined | Promise<ProviderStep | undefined> {
    if (request.method === "POST") {
      const found = this.#queue.findIndex(
        ({ path, provider }) =>
          (path === undefined || request.route.endsWith(path)) &&
          (provider === undefined || request.provider === provider),
      );
      if (found >= 0) return this.#queue.splice(found, 1)[0];
    }
    return this.#responder?.(request);
  }
}
