/** @module What the suite must be told of a wrapped client: how to make one, wrap it, ask it and read its stream. */
import type { ProviderServer, ProviderServerOptions, ProviderStep } from "../provider-server/index.ts";
import type { Attribution } from "holdfast";

/** One question to a model, whatever the SDK. */
export interface Ask {
  /** As the request is to name it. */
  readonly model: string;
  readonly prompt: string;
  /** The limit of the output that the request states, tokens. */
  readonly maxOutputTokens: number;
  /** Aborts the request; only given when `takesSignal`. */
  readonly signal?: AbortSignal;
}

export interface ClientSettings {
  /** Tries after the first. */
  readonly maxRetries: number;
  readonly apiKey: string;
}

/**
 * One client of one SDK version. `C` is whatever the application holds in its hands: a client, or a model.
 *
 * The suite prices `model` itself, so it may be any name that the provider's own adapter accepts and that is known not
 * to reason out of sight.
 */
export interface ProviderUnderTest<C> {
  /** For the report: "@anthropic-ai/sdk 1.12". */
  readonly name: string;
  /** The provider in the price list. */
  readonly provider: string;
  readonly model: string;
  /** For a wire format that the provider test server does not speak. @default startProviderServer */
  readonly startServer?: (options: ProviderServerOptions) => Promise<ProviderServer>;
  /** A bare client of the server. Its retries wait as short as the SDK lets them. */
  readonly makeClient: (server: Pick<ProviderServer, "url" | "origin">, settings: ClientSettings) => C;
  readonly wrap: (client: C, holdfast: object, attribution?: Attribution) => C;
  /** Whether wrapping again is refused by an error. @default true */
  readonly refusesSecondWrap?: boolean;
  /** Whether wrapping guards the given client itself. @default false */
  readonly wrapsInPlace?: boolean;
  /** Asks for a whole answer; resolves to what the SDK returns. */
  readonly ask: (client: C, ask: Ask) => PromiseLike<unknown>;
  /** Asks for a stream; each piece is what the SDK yields. Leaving the iteration is what an application's `break` does. */
  readonly stream: (client: C, ask: Ask) => PromiseLike<AsyncIterable<unknown>>;
  /** The text of a piece of the stream; empty when it carries none. */
  readonly textOf: (piece: unknown) => string;
  /** Whether the SDK tries again by itself when `maxRetries` says so. */
  readonly retries: boolean;
  /** Whether `ask.signal` reaches the request. */
  readonly takesSignal: boolean;
  /**
   * Whether an application that leaves a stream early reaches the request at all. An SDK that keeps on reading for it
   * is to be aborted by a signal. @default true
   */
  readonly breakCancels?: boolean;
  /** Finds the denial in what the application is given. @default the error itself */
  readonly denialOf?: (error: unknown) => unknown;
  /** Requests that are billed where no hold can follow them, each of which must be refused before it is sent. */
  readonly bypasses?: Readonly<Record<string, (client: C) => PromiseLike<unknown>>>;
  /** Whether a text is an id that the SDK makes up anew each time. */
  readonly isRandomId?: (text: string) => boolean;
  /** What Holdfast may add to a request, taken out again, so that both sides can be compared. */
  readonly withoutAdditions?: (body: Readonly<Record<string, unknown>>) => unknown;
  /** Points of 20 at which streams are cut. @default every one */
  readonly cuts?: readonly number[];
  /** Added to every step of the server, for what this client needs of an answer. */
  readonly step?: ProviderStep;
}
