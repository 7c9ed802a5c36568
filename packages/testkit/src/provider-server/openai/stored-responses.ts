/** @module Responses that can be fetched again: GET, cancel and delete of /responses/{id}. */
import type { Account } from "../endpoint.ts";
import { errorBody } from "./error-bodies.ts";
import { jsonReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import { finalResponse, responseObject, responseStream } from "./responses.ts";
import { rebill } from "../truth-ledger.ts";

interface Stored {
  readonly context: EndpointContext;
  readonly account: Account;
  pollsLeft: number;
  cancelled: boolean;
}

export class StoredResponses {
  readonly #stored = new Map<string, Stored>();

  /** Keeps a response; a background one stays "in_progress" for the scripted number of GETs. */
  keep(context: EndpointContext, account: Account): void {
    const { request, generation } = context;
    if (request.body["store"] === false) return;
    const pollsLeft = request.body["background"] === true ? (generation.step.backgroundPolls ?? 0) : 0;
    this.#stored.set(generation.id("resp_"), { context, account, pollsLeft, cancelled: false });
  }

  endAll(): void {
    for (const stored of this.#stored.values()) stored.pollsLeft = 0;
  }

  clear(): void {
    this.#stored.clear();
  }

  retrieve({ request }: EndpointContext): Reply {
    const stored = this.#stored.get(request.route.split("/")[2] ?? "");
    if (stored === undefined) return missing(request.route);
    if (stored.cancelled) return jsonReply(responseObject(stored.context, "cancelled", []));
    if (request.query["stream"] === "true") return { ...responseStream(stored.context), streamed: false };
    if (stored.pollsLeft > 0) {
      stored.pollsLeft -= 1;
      return jsonReply(responseObject(stored.context, "in_progress", []));
    }
    return jsonReply(finalResponse(stored.context));
  }

  cancel({ request }: EndpointContext): Reply {
    const stored = this.#stored.get(request.route.split("/")[2] ?? "");
    if (stored === undefined) return missing(request.route);
    if (stored.context.request.body["background"] !== true) {
      return jsonReply(errorBody("Cannot cancel a synchronous response.", "invalid_request_error"), 400);
    }
    if (stored.pollsLeft === 0 && !stored.cancelled) return jsonReply(finalResponse(stored.context));
    stored.cancelled = true;
    const { entry, bill } = stored.account;
    bill.state = "written";
    entry.chunksWritten = 0;
    rebill(entry, bill);
    return jsonReply(responseObject(stored.context, "cancelled", []));
  }

  remove({ request }: EndpointContext): Reply {
    const id = request.route.split("/")[2] ?? "";
    if (!this.#stored.delete(id)) return missing(request.route);
    return jsonReply({ id, object: "response", deleted: true });
  }
}

function missing(route: string): Reply {
  return jsonReply(
    errorBody(`Response with id '${route.split("/")[2]}' not found.`, "invalid_request_error"),
    404,
  );
}
