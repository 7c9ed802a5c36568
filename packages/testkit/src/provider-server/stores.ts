/** @module Everything a server remembers between requests, beside ledger and script. */
import { StoredThreads } from "./anthropic/stored-threads.ts";
import { BatchJobs } from "./batch-jobs.ts";
import type { GenerationSettings } from "./generation.ts";
import { StoredFiles } from "./stored-files.ts";
import { StoredInteractions } from "./google/stored-interactions.ts";
import { StoredResponses } from "./openai/stored-responses.ts";

export interface Stores {
  readonly responses: StoredResponses;
  readonly interactions: StoredInteractions;
  readonly batches: BatchJobs;
  readonly files: StoredFiles;
  readonly threads: StoredThreads;
}

export function createStores(settings: GenerationSettings): Stores {
  return {
    responses: new StoredResponses(),
    interactions: new StoredInteractions(),
    batches: new BatchJobs(settings),
    files: new StoredFiles(),
    threads: new StoredThreads(),
  };
}

/** Every job that is still running has ended: the next retrieval finds its result. */
export function endJobs({ responses, interactions, batches }: Stores): void {
  for (const store of [responses, interactions, batches]) store.endAll();
}

export function clearStores({ responses, interactions, batches, files, threads }: Stores): void {
  for (const store of [responses, interactions, batches, files, threads]) store.clear();
}
