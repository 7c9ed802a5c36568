/**
 * @module The truth: what each HTTP attempt did and what the provider bills for it.
 *
 * The billing rule:
 * - a call that failed before generation (4xx, 5xx, dropped, hung) bills nothing;
 * - a completed generation bills all of its usage, also when the reply was lost;
 * - a stream that stops early (closed by the client, reset, ended or failed in the middle) bills all input and
 *   the output of the content chunks written until then: each carries ceil(outputTokens / chunks), the last
 *   one the rest;
 * - a call that does not stream bills in full once its generation started, also when the client left;
 * - a background response or interaction bills in full when it is created, and its input only if it is cancelled
 *   in time;
 * - a batch bills, on the entry of the call that created it and from then on, what its succeeded items bill, and
 *   nothing if it is cancelled in time; retrieving anything is free;
 * - `generated` on the step overrules all of this: true bills in full, false bills nothing.
 */
import type { Platform, ProviderName } from "./address.ts";
import { cutParts } from "./parts.ts";
import type { BilledPart } from "./parts.ts";
import { sumPresent, sumTotals, zeroTotals } from "./quantities.ts";
import type { Quantities, Totals } from "./quantities.ts";
import type { JsonObject, ServedRequest } from "./served-request.ts";

/**
 * complete: the whole answer was written. aborted: the client left before the end. failed: an error status, or
 * an error event in the stream. dropped: the server destroyed the socket. truncated: the server ended the body
 * early. lost: generated, but the reply never left. hung: the server never answered, or stopped in the middle.
 */
export type Outcome =
  "in-progress" | "complete" | "aborted" | "failed" | "dropped" | "truncated" | "lost" | "hung";

export interface Billed extends Totals {
  /** The usage object in the wire shape of the endpoint, undefined when nothing is billed. */
  usage: Record<string, unknown> | undefined;
  /** The same by model; several only when the step scripts `anthropic.iterations`. Empty when nothing is billed. */
  parts: readonly BilledPart[];
}

/** What decides the price beside the quantities, as served. */
export interface Served {
  readonly model: string;
  readonly serviceTier: string | null;
  /** Anthropic's `speed` and `inference_geo`. */
  readonly speed?: string | null;
  readonly inferenceGeo?: string | null;
}

export interface LedgerEntry {
  /** Arrival order, from 1; the array is in this order. */
  readonly id: number;
  readonly method: string;
  readonly path: string;
  readonly provider: ProviderName;
  readonly platform: Platform;
  readonly route: string;
  /** The route without the model: "/chat/completions", "/messages", ":generateContent". */
  readonly endpoint: string;
  readonly query: Readonly<Record<string, string>>;
  /** The model that was asked for. */
  readonly model: string;
  /** undefined until the server has decided on the answer. */
  served: Served | undefined;
  readonly requestBody: JsonObject;
  readonly headers: {
    readonly retryCount: string | undefined;
    readonly helperMethod: string | undefined;
    readonly userAgent: string | undefined;
    /** A header with a key or token was there; its value is never kept. */
    readonly authorization: boolean;
    /** The names of all headers, sorted: what the client shows of itself. */
    readonly names: readonly string[];
  };
  readonly retryCount: number;
  readonly stream: boolean;
  /** The status sent, undefined as long as no reply started. */
  status: number | undefined;
  /** The `x-request-id` (Anthropic: `request-id`) of the reply. */
  requestId: string;
  outcome: Outcome;
  /** Content chunks written. */
  chunksWritten: number;
  /** The client closed the connection before the server had finished. */
  clientClosedEarly: boolean;
  billed: Billed;
  /** Set when the server itself (or a test's own callback) threw. */
  serverError: string | undefined;
}

/** How much of the generation is billed at this moment. */
export type BillingState = "nothing" | "written" | "all";

/** What is needed to bill an entry again whenever it moves. */
export interface Bill {
  parts: readonly BilledPart[];
  shape: (quantities: Quantities, parts: readonly BilledPart[]) => Record<string, unknown> | undefined;
  chunks: number;
  state: BillingState;
  /** The step's `generated`. */
  overruled: boolean | undefined;
}

export function nothingBilled(): Billed {
  return { ...zeroTotals(), usage: undefined, parts: [] };
}

/** Writes into the entry what the bill comes to now. */
export function rebill(entry: LedgerEntry, bill: Bill): void {
  const state = bill.overruled === undefined ? bill.state : bill.overruled ? "all" : "nothing";
  if (state === "nothing") {
    entry.billed = nothingBilled();
    return;
  }
  const parts = state === "all" ? bill.parts : cutParts(bill.parts, bill.chunks, entry.chunksWritten);
  const inTotals = parts.filter((part) => part.inTotals).map(({ quantities }) => quantities);
  entry.billed = {
    ...sumTotals(parts.map(({ quantities }) => quantities)),
    usage: bill.shape(sumPresent(inTotals), parts),
    parts,
  };
}

const credentialHeaders = ["authorization", "api-key", "x-api-key", "x-goog-api-key"] as const;

export class TruthLedger {
  readonly entries: LedgerEntry[] = [];

  open(request: ServedRequest): LedgerEntry {
    const { headers } = request;
    const entry: LedgerEntry = {
      id: request.id,
      method: request.method,
      path: request.path,
      provider: request.provider,
      platform: request.platform,
      route: request.route,
      endpoint: request.endpoint,
      query: request.query,
      model: request.model,
      served: undefined,
      requestBody: request.body,
      headers: {
        retryCount: headers["x-stainless-retry-count"],
        helperMethod: headers["x-stainless-helper-method"],
        userAgent: headers["user-agent"],
        authorization: credentialHeaders.some((name) => headers[name] !== undefined),
        names: Object.keys(headers).toSorted(),
      },
      retryCount: request.retryCount,
      stream: request.stream,
      status: undefined,
      requestId: "",
      outcome: "in-progress",
      chunksWritten: 0,
      clientClosedEarly: false,
      billed: nothingBilled(),
      serverError: undefined,
    };
    const later = this.entries.findIndex(({ id }) => id > entry.id);
    this.entries.splice(later < 0 ? this.entries.length : later, 0, entry);
    return entry;
  }

  /** The sum over all entries, or those that pass the filter. */
  totals(filter: (entry: LedgerEntry) => boolean = () => true): Totals {
    return sumTotals(this.entries.filter(filter).map(({ billed }) => onlyCounts(billed)));
  }

  clear(): void {
    this.entries.length = 0;
  }
}

function onlyCounts({ usage: _usage, parts: _parts, ...counts }: Billed): Totals {
  return counts;
}
