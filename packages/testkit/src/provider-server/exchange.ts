/** @module One HTTP exchange: request in, step chosen, ledger entry kept true, reply out. */
import type { ServerResponse } from "node:http";
import { closed, deliver, pause } from "./deliver.ts";
import { dialectOf } from "./dialects.ts";
import type { Account, Endpoint } from "./endpoint.ts";
import { startGeneration } from "./generation.ts";
import type { Generation, GenerationSettings } from "./generation.ts";
import { endpointParts } from "./parts.ts";
import type { BilledPart } from "./parts.ts";
import { jsonReply, wholeReply } from "./reply.ts";
import type { Reply } from "./reply.ts";
import type { ProviderStep, Script } from "./script.ts";
import type { ServedRequest } from "./served-request.ts";
import type { Stores } from "./stores.ts";
import { rebill } from "./truth-ledger.ts";
import type { Bill, BillingState, LedgerEntry, Outcome, TruthLedger } from "./truth-ledger.ts";

export interface ExchangeSettings extends GenerationSettings {
  /** Lies under every step. */
  readonly defaults: ProviderStep;
  readonly script: Script;
  readonly ledger: TruthLedger;
  readonly stores: Stores;
}

/** Keeps entry and bill together; the first outcome stays. */
class LiveAccount implements Account {
  readonly entry: LedgerEntry;
  readonly bill: Bill;

  constructor(entry: LedgerEntry, endpoint: Endpoint, generation: Generation, parts: readonly BilledPart[]) {
    this.entry = entry;
    this.bill = {
      parts,
      shape: (quantities, billed) => endpoint.shape(quantities, generation, billed),
      chunks: 0,
      state: "nothing",
      overruled: generation.step.generated,
    };
    if (endpoint.bills === undefined) this.bill.overruled = false;
    rebill(entry, this.bill);
  }

  moveTo(state: BillingState): void {
    this.bill.state = state;
    rebill(this.entry, this.bill);
  }

  chunkWritten(): void {
    this.entry.chunksWritten += 1;
    rebill(this.entry, this.bill);
  }

  finished(outcome: Outcome): void {
    if (this.entry.outcome === "in-progress") this.entry.outcome = outcome;
  }
}

/** A body of the step's own, or the default error of its status. */
function scriptedReply(request: ServedRequest, step: ProviderStep, status: number): Reply {
  const body = step.body ?? dialectOf(request).errorBody(request, status);
  if (typeof body === "string") return wholeReply("text/plain; charset=utf-8", [Buffer.from(body)], status);
  if (body instanceof Uint8Array) return wholeReply("application/octet-stream", [Buffer.from(body)], status);
  return jsonReply(body, status);
}

/** Decides the reply of a call that does generate, or that fails with a status. */
function replyOf(
  request: ServedRequest,
  endpoint: Endpoint,
  generation: Generation,
  settings: ExchangeSettings,
): Reply {
  const { step } = generation;
  if (request.bodyError !== undefined) {
    return jsonReply(dialectOf(request).errorBody(request, 400, request.bodyError), 400);
  }
  if (step.rejectStreamOptions === true && "stream_options" in request.body) {
    const message = "Unrecognized request argument supplied: stream_options";
    return jsonReply(dialectOf(request).errorBody(request, 400, message), 400);
  }
  const status = step.status ?? 200;
  if (status >= 400 || step.body !== undefined) return scriptedReply(request, step, status);
  const reply = endpoint.answer({ request, generation }, settings.stores);
  return step.status === undefined ? reply : { ...reply, status };
}

function writeHead(response: ServerResponse, request: ServedRequest, reply: Reply, step: ProviderStep): void {
  const scripted = Object.entries(step.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  response.writeHead(reply.status, {
    ...dialectOf(request).headers(request, reply.contentType),
    ...Object.fromEntries(scripted),
  });
  response.flushHeaders();
}

/** Runs the scripted life of one request up to the last byte. */
async function perform(
  request: ServedRequest,
  response: ServerResponse,
  account: LiveAccount,
  endpoint: Endpoint,
  generation: Generation,
  settings: ExchangeSettings,
): Promise<void> {
  const { step } = generation;
  const { entry, bill } = account;
  if (step.drop === true) {
    await pause(response, step.delayMs ?? 0);
    if (response.destroyed) return;
    account.finished("dropped");
    response.destroy();
    return;
  }
  if (step.hang === true) {
    await closed(response);
    return account.finished("hung");
  }
  const reply = replyOf(request, endpoint, generation, settings);
  const generates = reply.status < 400;
  bill.chunks = reply.content.length;
  const runsToTheEnd = !reply.streamed || step.lostReply === true || request.body["background"] === true;
  if (generates) account.moveTo(runsToTheEnd ? "all" : "written");
  if (generates) endpoint.keep?.({ request, generation }, account, settings.stores);
  await pause(response, step.delayMs ?? 0);
  if (response.destroyed) return;
  if (step.lostReply === true) {
    account.finished("lost");
    response.destroy();
    return;
  }
  entry.status = reply.status;
  writeHead(response, request, reply, step);
  if (step.bodyHangAfterHeaders === true) {
    await closed(response);
    return account.finished("hung");
  }
  await deliver(response, reply, step, {
    chunkWritten: () => account.chunkWritten(),
    finished: (outcome) => account.finished(outcome === "complete" && !generates ? "failed" : outcome),
  });
  if (response.destroyed && step.hangAfterChunk !== undefined && !entry.clientClosedEarly)
    account.finished("hung");
}

function bugReply(response: ServerResponse, entry: LedgerEntry, error: unknown): void {
  entry.serverError = error instanceof Error ? (error.stack ?? error.message) : String(error);
  entry.outcome = "failed";
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  entry.status = 500;
  response.writeHead(500, { "content-type": "application/json", "x-should-retry": "false" });
  response.end(JSON.stringify({ error: { message: `provider test server: ${String(error)}` } }));
}

/** Never rejects. Resolves when the connection has taken or refused the whole reply. */
export async function exchange(
  request: ServedRequest,
  response: ServerResponse,
  settings: ExchangeSettings,
  closing: () => boolean,
): Promise<void> {
  const entry = settings.ledger.open(request);
  entry.requestId = dialectOf(request).requestId(request);
  response.on("error", () => undefined);
  response.once("close", () => {
    if (!response.writableEnded && entry.outcome === "in-progress") entry.clientClosedEarly = !closing();
  });
  try {
    const taken = settings.script.take(request);
    const chosen = taken instanceof Promise ? await taken : taken;
    const step: ProviderStep = { ...settings.defaults, ...chosen };
    const dialect = dialectOf(request);
    const endpoint = dialect.findEndpoint(request);
    const generation = startGeneration(request, step, endpoint.bills?.(request) ?? {}, dialect, settings);
    entry.served = generation.served;
    const account = new LiveAccount(
      entry,
      endpoint,
      generation,
      endpointParts(endpoint, { request, generation }),
    );
    await perform(request, response, account, endpoint, generation, settings);
    if (!response.writableFinished) await closed(response);
    if (entry.outcome === "in-progress") entry.outcome = entry.clientClosedEarly ? "aborted" : "dropped";
  } catch (error) {
    bugReply(response, entry, error);
    await closed(response);
  }
}
