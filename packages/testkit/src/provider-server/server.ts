/** @module The provider test server: the wire formats of all providers on one loopback port, with one ledger of what was billed. */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { exchange } from "./exchange.ts";
import type { ExchangeSettings } from "./exchange.ts";
import type { GenerationSettings } from "./generation.ts";
import type { Quantities, Totals } from "./quantities.ts";
import { Script } from "./script.ts";
import type { ProviderStep, Responder } from "./script.ts";
import { readRequest } from "./served-request.ts";
import type { ServedRequest } from "./served-request.ts";
import { clearStores, createStores, endJobs } from "./stores.ts";
import { TruthLedger } from "./truth-ledger.ts";
import type { LedgerEntry } from "./truth-ledger.ts";

export interface ProviderServerOptions {
  /** What calls bill; merged over 1,000 input and 1,000 output tokens. A step's `usage` goes over it. */
  readonly usage?: ((request: ServedRequest) => Quantities) | Quantities;
  /** Answers with the dated form of the model. @default false (the model as requested) */
  readonly snapshot?: boolean | ((model: string) => string);
  /** Lies under every step. */
  readonly defaults?: ProviderStep;
  /** Short for `defaults.chunks`. */
  readonly chunks?: number;
  /** Short for `defaults.delayMs`. */
  readonly delayMs?: number;
  /** Short for `defaults.chunkDelayMs`. */
  readonly chunkDelayMs?: number;
  /** The source of `created`. @default the system clock */
  readonly clock?: { now(): number };
}

export interface ProviderServer extends AsyncDisposable {
  /** "http://127.0.0.1:{port}/v1": the `baseURL` of OpenAI, and of Claude on Vertex AI. */
  readonly url: string;
  /** Without the path: Anthropic's `baseURL`, Google's `baseUrl`, Azure's `endpoint`. */
  readonly origin: string;
  /** One entry per HTTP attempt, in order of arrival. Live: call `waitForIdle` before reading totals. */
  readonly ledger: readonly LedgerEntry[];
  /** HTTP attempts so far. */
  readonly requests: number;
  /** Requests in progress now, and the most there have been at once. */
  readonly inProgress: number;
  readonly peakInProgress: number;
  /** Steps not taken yet. */
  readonly pendingSteps: number;
  /** Appends steps; each is taken by one POST, in order of arrival. */
  script(steps: readonly ProviderStep[]): void;
  /** Decides the step of every request that finds no queued one; undefined takes the responder away. */
  respond(responder: Responder | undefined): void;
  /** Ends every batch, background response and background interaction that is still in progress. */
  endJobs(): void;
  /** The sum of what was billed, over all entries or those that pass the filter. */
  billed(filter?: (entry: LedgerEntry) => boolean): Totals;
  /** Resolves when no request is in progress. A hanging one ends only when its client leaves. */
  waitForIdle(): Promise<void>;
  /** Resolves when the ledger has an entry that fits, also one that is still in progress. */
  waitFor(condition: (entry: LedgerEntry) => boolean): Promise<LedgerEntry>;
  /** Forgets ledger, script, responder and stored responses. Requests in progress go on unrecorded. */
  reset(): void;
  /** Destroys every socket and stops listening. */
  close(): Promise<void>;
}

function settingsOf(options: ProviderServerOptions): ExchangeSettings {
  const { chunks, delayMs, chunkDelayMs, clock } = options;
  const generation: GenerationSettings = {
    usage: options.usage,
    snapshot: options.snapshot,
    now: clock === undefined ? Date.now : () => clock.now(),
  };
  return {
    ...generation,
    defaults: {
      ...options.defaults,
      ...(chunks === undefined ? {} : { chunks }),
      ...(delayMs === undefined ? {} : { delayMs }),
      ...(chunkDelayMs === undefined ? {} : { chunkDelayMs }),
    },
    script: new Script(),
    ledger: new TruthLedger(),
    stores: createStores(generation),
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Starts a server on a free loopback port. */
export async function startProviderServer(options: ProviderServerOptions = {}): Promise<ProviderServer> {
  const settings = settingsOf(options);
  const { ledger, script, stores } = settings;
  let requests = 0;
  let inProgress = 0;
  let peakInProgress = 0;
  let closing = false;
  const waiting: (() => void)[] = [];

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    requests += 1;
    inProgress += 1;
    peakInProgress = Math.max(peakInProgress, inProgress);
    try {
      const request = await readRequest(requests, message);
      await exchange(request, response, settings, () => closing);
    } catch {
      response.destroy();
    } finally {
      inProgress -= 1;
      if (inProgress === 0) for (const wake of waiting.splice(0)) wake();
    }
  }

  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (message, response) => {
    void serve(message, response);
  });
  server.on("clientError", (_error, socket) => socket.destroy());
  const port = await listen(server);
  const origin = `http://127.0.0.1:${port}`;

  async function close(): Promise<void> {
    if (closing) return;
    closing = true;
    const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await stopped;
    for (let turn = 0; inProgress > 0 && turn < 1_000; turn += 1) await nextTurn();
  }

  return {
    url: `${origin}/v1`,
    origin,
    ledger: ledger.entries,
    get requests() {
      return requests;
    },
    get inProgress() {
      return inProgress;
    },
    get peakInProgress() {
      return peakInProgress;
    },
    get pendingSteps() {
      return script.pending;
    },
    script: (steps) => script.push(steps),
    respond: (responder) => script.respond(responder),
    endJobs: () => endJobs(stores),
    billed: (filter) => ledger.totals(filter),
    async waitForIdle() {
      for (let quietTurns = 0; quietTurns < 3; quietTurns += 1) {
        if (inProgress > 0) {
          await new Promise<void>((resolve) => waiting.push(resolve));
          quietTurns = 0;
        }
        await nextTurn();
      }
    },
    async waitFor(condition) {
      for (;;) {
        const found = ledger.entries.find(condition);
        if (found !== undefined) return found;
        await sleep(1);
      }
    },
    reset() {
      ledger.clear();
      script.clear();
      clearStores(stores);
      requests = 0;
      peakInProgress = inProgress;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
