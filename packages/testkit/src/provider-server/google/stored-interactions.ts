/** @module Interactions that can be fetched again: GET, cancel and delete. */
import type { Account } from "../endpoint.ts";
import { jsonReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import { rebill } from "../truth-ledger.ts";
import { finalInteraction, interaction, interactionStream, missingInteraction } from "./interactions.ts";

interface Stored {
  readonly context: EndpointContext;
  readonly account: Account;
  pollsLeft: number;
  cancelled: boolean;
}

export class StoredInteractions {
  readonly #stored = new Map<string, Stored>();

  keep(context: EndpointContext, account: Account): void {
    const { request, generation } = context;
    if (request.body["store"] === false) return;
    const pollsLeft = request.body["background"] === true ? (generation.step.backgroundPolls ?? 0) : 0;
    this.#stored.set(generation.id("interactions-"), { context, account, pollsLeft, cancelled: false });
  }

  retrieve(id: string, { request }: EndpointContext): Reply {
    const stored = this.#stored.get(id);
    if (stored === undefined) return missingInteraction(id);
    if (stored.cancelled) return jsonReply(interaction(stored.context, "cancelled", []));
    if (request.query["stream"] === "true") {
      return { ...interactionStream(stored.context), streamed: false };
    }
    if (stored.pollsLeft > 0) {
      stored.pollsLeft -= 1;
      return jsonReply(interaction(stored.context, "in_progress", []));
    }
    return jsonReply(finalInteraction(stored.context));
  }

  /** In time: only the input is billed. */
  cancel(id: string): Reply {
    const stored = this.#stored.get(id);
    if (stored === undefined) return missingInteraction(id);
    if (stored.pollsLeft === 0 && !stored.cancelled) return jsonReply(finalInteraction(stored.context));
    stored.cancelled = true;
    const { entry, bill } = stored.account;
    bill.state = "written";
    entry.chunksWritten = 0;
    rebill(entry, bill);
    return jsonReply(interaction(stored.context, "cancelled", []));
  }

  remove(id: string): Reply {
    return this.#stored.delete(id) ? jsonReply({}) : missingInteraction(id);
  }

  endAll(): void {
    for (const stored of this.#stored.values()) stored.pollsLeft = 0;
  }

  clear(): void {
    this.#stored.clear();
  }
}
