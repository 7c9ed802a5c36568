/** @module What an endpoint is to the server, and what a provider's dialect has to say beside its endpoints. */
import type { Generation } from "./generation.ts";
import type { BilledPart } from "./parts.ts";
import type { Quantities, QuantityName } from "./quantities.ts";
import type { EndpointContext, Reply } from "./reply.ts";
import type { ProviderStep } from "./script.ts";
import type { JsonObject, ServedRequest } from "./served-request.ts";
import type { Stores } from "./stores.ts";
import type { Bill, LedgerEntry, Served } from "./truth-ledger.ts";

export interface Endpoint {
  readonly answer: (context: EndpointContext, stores: Stores) => Reply;
  /** What a call bills unless scripted; undefined: free. */
  readonly bills: ((request: ServedRequest) => Quantities) | undefined;
  /** The usage object of the wire for these quantities of the generation. */
  readonly shape: (
    quantities: Quantities,
    generation: Generation,
    parts: readonly BilledPart[],
  ) => Record<string, unknown> | undefined;
  /** Quantities that the endpoint cannot bill, whatever a server-wide `usage` says. */
  readonly without?: (request: ServedRequest, quantities: Quantities) => readonly QuantityName[];
  /** No such path: 404 unless the step says otherwise. */
  readonly unknown?: boolean;
  /** Called when the call does generate, so that later requests find, settle or cancel it; may change the bill. */
  readonly keep?: (context: EndpointContext, account: Account, stores: Stores) => void;
}

/** A ledger entry and what it is billed by. */
export interface Account {
  readonly entry: LedgerEntry;
  readonly bill: Bill;
}

export function free(answer: Endpoint["answer"]): Endpoint {
  return { answer, bills: undefined, shape: () => undefined };
}

/** How one provider talks. */
export interface Dialect {
  readonly findEndpoint: (request: ServedRequest) => Endpoint;
  /** What the provider says with a status when the step has no body of its own. */
  readonly errorBody: (request: ServedRequest, status: number, message?: string) => object;
  readonly requestId: (request: ServedRequest) => string;
  /** The headers of every reply, without the scripted ones. */
  readonly headers: (request: ServedRequest, contentType: string) => Record<string, string>;
  /** The output maximum of the request over all of its choices, undefined when it names none. */
  readonly maximum: (body: JsonObject) => number | undefined;
  /** The dated name of a model, for `snapshot: true`. */
  readonly datedModel: (model: string) => string;
  /** The tier in the answer when the step names none. */
  readonly servedTier: (request: ServedRequest) => string | null;
  /** The tier that an item of a batch names, when it names its own. */
  readonly batchTier?: string;
  /** What else decides the price. */
  readonly servedAlso?: (
    request: ServedRequest,
    step: ProviderStep,
  ) => Pick<Served, "speed" | "inferenceGeo">;
}
