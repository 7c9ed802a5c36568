/**
 * @module How long the conversations are that the provider holds ("threads"), as far as this client has seen them.
 *
 * A turn of a thread sends only what is new; the SDK's tool runner does so by itself since 1.x. Its input is bounded by
 * what the turn before it was billed, which the answer to that says. Of a thread that is not known here, nothing is.
 */
import type { CallPlan } from "../../guard/call-plan.ts";
import { inputTokensOf, outputTokensOf, type Usage } from "../../usage/usage.ts";
import type { CacheWrites } from "../request/request-shape.ts";

export interface KnownThread {
  /** All that the next turn goes on from, tokens. */
  readonly tokens: number;
  /** How its turns asked to be cached, at most. */
  readonly cacheWrites: CacheWrites;
}

const KNOWN_MAX = 10_000;

export class Threads {
  readonly #known = new Map<string, KnownThread>();
  #inUse = false;

  /** A request belongs to a thread: answers are worth remembering from now on. */
  use(): void {
    this.#inUse = true;
  }

  /** @param messageId of the answer that the turn goes on from */
  recall(messageId: unknown): KnownThread | undefined {
    return typeof messageId === "string" ? this.#known.get(messageId) : undefined;
  }

  learn(messageId: unknown, usage: Usage, { estimate }: CallPlan): void {
    if (!this.#inUse || typeof messageId !== "string" || messageId.length > 200) return;
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < KNOWN_MAX) break;
      this.#known.delete(oldest);
    }
    const held = estimate.usage;
    this.#known.set(messageId, {
      tokens: inputTokensOf(usage) + outputTokensOf(usage),
      cacheWrites:
        (held.cacheWriteLongTokens ?? 0) > 0 ? "long" : (held.cacheWriteTokens ?? 0) > 0 ? "short" : "none",
    });
  }
}
