/** @module One batch: its items, and what becomes of each. */
import type { Account, Endpoint } from "./endpoint.ts";
import type { EndpointContext } from "./reply.ts";
import type { BatchResultType } from "./script.ts";
import type { JsonObject } from "./served-request.ts";
import type { Stores } from "./stores.ts";

/** One request of a batch as the provider's own format has it. */
export interface BatchRequest {
  /** `custom_id` or key. */
  readonly key: string;
  readonly body: JsonObject;
  /** The path the item would have on its own. */
  readonly path: string;
}

export interface BatchItem {
  readonly key: string;
  readonly result: BatchResultType;
  readonly context: EndpointContext;
  readonly endpoint: Endpoint;
}

export interface BatchJob {
  readonly id: string;
  /** The create call. */
  readonly context: EndpointContext;
  readonly items: readonly BatchItem[];
  account: Account | undefined;
  /** Retrievals that still find it running. */
  pollsLeft: number;
  cancelled: boolean;
}

/** What became of an item, seen from now. */
export function resultOf(job: BatchJob, item: BatchItem): BatchResultType {
  return job.cancelled ? "canceled" : item.result;
}

export function itemsWith(job: BatchJob, result: BatchResultType): readonly BatchItem[] {
  return job.items.filter((item) => resultOf(job, item) === result);
}

/** The body of an item's own answer. */
export function itemPayload({ context, endpoint }: BatchItem, stores: Stores): unknown {
  const [piece] = endpoint.answer(context, stores).content;
  return piece !== undefined && "payload" in piece ? piece.payload : {};
}
