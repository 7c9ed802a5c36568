/** @module Batches of every provider: items made at create, reported when the batch has ended, billed unless cancelled in time. */
import { addressOf } from "./address.ts";
import { itemsWith } from "./batch-job.ts";
import type { BatchItem, BatchJob, BatchRequest } from "./batch-job.ts";
import { dialectOf } from "./dialects.ts";
import type { Account } from "./endpoint.ts";
import { startGeneration } from "./generation.ts";
import type { GenerationSettings } from "./generation.ts";
import { endpointParts } from "./parts.ts";
import type { EndpointContext } from "./reply.ts";
import type { ProviderStep } from "./script.ts";
import type { ServedRequest } from "./served-request.ts";
import { rebill } from "./truth-ledger.ts";

export class BatchJobs {
  readonly #settings: GenerationSettings;
  readonly #jobs = new Map<string, BatchJob>();

  constructor(settings: GenerationSettings) {
    this.#settings = settings;
  }

  /** Decides every item at once; each has the create call's step and the usage it would have had alone. */
  open(context: EndpointContext, id: string, requests: readonly BatchRequest[]): BatchJob {
    const { step } = context.generation;
    const job: BatchJob = {
      id,
      context,
      items: requests.map((request, index) => this.#item(context, request, index)),
      account: undefined,
      pollsLeft: step.backgroundPolls ?? 0,
      cancelled: false,
    };
    this.#jobs.set(id, job);
    return job;
  }

  #item({ request, generation }: EndpointContext, item: BatchRequest, index: number): BatchItem {
    const address = addressOf(item.path, request.query, request.headers);
    const { model } = item.body;
    const alone: ServedRequest = {
      ...request,
      ...address,
      id: request.id * 1_000 + index,
      body: item.body,
      model: typeof model === "string" ? model : (address.model ?? ""),
      stream: false,
      deployment: undefined,
      maxOutputTokens: dialectOf(address).maximum(item.body),
    };
    const { itemUsage, batchResult = "succeeded" } = generation.step;
    const step: ProviderStep = {
      ...generation.step,
      ...(itemUsage === undefined ? {} : { usage: { ...generation.step.usage, ...itemUsage(item.key) } }),
    };
    const dialect = dialectOf(alone);
    const tier = step.serviceTier ?? dialect.batchTier;
    const endpoint = dialect.findEndpoint(alone);
    return {
      key: item.key,
      result: typeof batchResult === "function" ? batchResult(item.key) : batchResult,
      endpoint,
      context: {
        request: alone,
        generation: startGeneration(
          alone,
          tier === undefined ? step : { ...step, serviceTier: tier },
          endpoint.bills?.(alone) ?? {},
          dialect,
          this.#settings,
        ),
      },
    };
  }

  /** From now on the create call's entry bills what the succeeded items bill. */
  attach(id: string, account: Account): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    job.account = account;
    const { entry } = account;
    if (entry.served !== undefined) {
      const model = entry.served.model === "" ? job.items[0]?.context.generation.model : entry.served.model;
      entry.served = { ...entry.served, model: model ?? "", serviceTier: "batch" };
    }
    this.#rebill(job);
  }

  #rebill(job: BatchJob): void {
    if (job.account === undefined) return;
    const { entry, bill } = job.account;
    bill.parts = itemsWith(job, "succeeded").flatMap(({ context, endpoint }) =>
      endpointParts(endpoint, context),
    );
    bill.state = bill.parts.length > 0 ? "all" : "nothing";
    rebill(entry, bill);
  }

  find(id: string): BatchJob | undefined {
    return this.#jobs.get(id);
  }

  /** Counts one retrieval; whether it has ended. */
  poll(job: BatchJob): boolean {
    if (job.cancelled) return true;
    job.pollsLeft -= 1;
    return job.pollsLeft < 0;
  }

  ended(job: BatchJob): boolean {
    return job.cancelled || job.pollsLeft <= 0;
  }

  /** In time: nothing of it has run. Too late: nothing changes. */
  cancel(job: BatchJob): void {
    if (job.pollsLeft <= 0) return;
    job.cancelled = true;
    this.#rebill(job);
  }

  of(request: ServedRequest): BatchJob[] {
    return [...this.#jobs.values()].filter(({ context }) => context.request.provider === request.provider);
  }

  remove(id: string): boolean {
    return this.#jobs.delete(id);
  }

  endAll(): void {
    for (const job of this.#jobs.values()) job.pollsLeft = 0;
  }

  clear(): void {
    this.#jobs.clear();
  }
}
