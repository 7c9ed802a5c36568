/** @module Two applications on one provider and one budget: each with a store handle, a Holdfast and a client of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startProviderServer } from "@holdfast/testkit/provider-server";
import type { OpenJob } from "holdfast";
import { sqliteStore } from "holdfast/sqlite";
import { Rig } from "./harness.ts";
import type { RigOptions } from "./harness.ts";

export interface TwoProcesses extends AsyncDisposable {
  readonly creator: Rig;
  readonly other: Rig;
}

/** Both on one sqlite file. */
export async function twoProcesses(options: RigOptions = {}): Promise<TwoProcesses> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-jobs-"));
  const path = join(folder, "ledger.db");
  const server = await startProviderServer(options.server);
  const clock = options.config?.clock;
  const made = (): Rig =>
    new Rig(server, {
      ...options,
      config: { ...options.config, store: sqliteStore(path, clock === undefined ? {} : { clock }) },
    });
  const creator = made();
  const other = made();
  return {
    creator,
    other,
    async [Symbol.asyncDispose]() {
      await other[Symbol.asyncDispose]();
      await creator[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function openJobs({ holdfast }: Rig): Promise<OpenJob[]> {
  const all: OpenJob[] = [];
  for await (const job of holdfast.jobs()) all.push(job);
  return all;
}
