/** @module One HTTP exchange: request in, step chosen, ledger entry kept true, reply out. */
import type { ServerResponse } from "node:http";
import { closed, deliver, pause } from "./deliver.ts";
import { defaultErrorBody, errorBody } from "./error-bodies.ts";
import { startGeneration } from "./generation.ts";
import type { Generation, GenerationSettings } from "./generation.ts";
import type { Quantities } from "./quantities.ts";
import { jsonReply, wholeReply } from "./reply.ts";
import type { Reply } from "./reply.ts";
import { requestIdOf, responseHeaders } from "./response-headers.ts";
import { findEndpoint } from "./routes.ts";
import type { Endpoint } from "./routes.ts";
import type { ProviderStep, Script } from "./script.ts";
import type { ServedRequest } from "./served-request.ts";
import type { StoredResponses } from "./stored-responses.ts";
import { rebill } from "./truth-ledger.ts";
import type { Bill, BillingState, LedgerEntry, Outcome, TruthLedger } from "./truth-ledger.ts";

export interface ExchangeSettings extends GenerationSettings {
  /** Lies under every step. */
  readonly defaults: ProviderStep;
  readonly script: Script;
  readonly ledger: TruthLedger;
  readonly stored: StoredResponses;
}

/** Keeps entry and bill together; the first outcome stays. */
class Account {
  readonly entry: LedgerEntry;
  readonly bill: Bill;

  constructor(
    entry: LedgerEntry,
    endpoint: Endpoint,
    quantities: Quantities,
    overruled: boolean | undefined,
  ) {
    this.entry = entry;
    this.bill = { quantities, shape: endpoint.shape, chunks: 0, state: "nothing", overruled };
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

function quantitiesOf(endpoint: Endpoint, request: ServedRequest, generation: Generation): Quantities {
  const never = endpoint.without?.(request, generation.quantities) ?? [];
  return Object.fromEntries(
    Object.entries(generation.quantities).filter(([name]) => !never.includes(name as (typeof never)[number])),
  );
}

/** A body of the step's own, or the default error of its status. */
function scriptedReply(step: ProviderStep, status: number): Reply {
  const body = step.body ?? defaultErrorBody(status);
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
    return jsonReply(errorBody(request.bodyError, "invalid_request_error"), 400);
  }
  const status = step.status ?? 200;
  if (status >= 400 || step.body !== undefined) return scriptedReply(step, status);
  const reply = endpoint.answer({ request, generation }, settings.stored);
  return step.status === undefined ? reply : { ...reply, status };
}

function writeHead(response: ServerResponse, request: ServedRequest, reply: Reply, step: ProviderStep): void {
  response.writeHead(reply.status, responseHeaders(request, reply.contentType, step.headers));
  response.flushHeaders();
}

/** Runs the scripted life of one request up to the last byte. */
async function perform(
  request: ServedRequest,
  response: ServerResponse,
  account: Account,
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
  if (generates && endpoint.stored === true) settings.stored.keep({ request, generation }, entry, bill);
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
  response.end(JSON.stringify(errorBody(`provider test server: ${String(error)}`, "server_error")));
}

/** Never rejects. Resolves when the connection has taken or refused the whole reply. */
export async function exchange(
  request: ServedRequest,
  response: ServerResponse,
  settings: ExchangeSettings,
  closing: () => boolean,
): Promise<void> {
  const entry = settings.ledger.open(request);
  entry.requestId = requestIdOf(request);
  response.on("error", () => undefined);
  response.once("close", () => {
    if (!response.writableEnded && entry.outcome === "in-progress") entry.clientClosedEarly = !closing();
  });
  try {
    const taken = settings.script.take(request);
    const chosen = taken instanceof Promise ? await taken : taken;
    const step: ProviderStep = { ...settings.defaults, ...chosen };
    const endpoint = findEndpoint(request);
    const generation = startGeneration(request, step, endpoint.bills?.(request) ?? {}, settings);
    const account = new Account(entry, endpoint, quantitiesOf(endpoint, request, generation), step.generated);
    await perform(request, response, account, endpoint, generation, settings);
    if (!response.writableFinished) await closed(response);
    if (entry.outcome === "in-progress") entry.outcome = entry.clientClosedEarly ? "aborted" : "dropped";
  } catch (error) {
    bugReply(response, entry, error);
    await closed(response);
  }
}
