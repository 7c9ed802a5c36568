/** @module Reads the file back, line by line, and adds it up per tenant. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { formatUsd, type UsageRecord } from "holdfast";

export interface TenantSummary {
  readonly calls: Set<string>;
  attempts: number;
  inputTokens: number;
  outputTokens: number;
  costNanoUsd: number;
}

export async function summarise(path: string): Promise<ReadonlyMap<string, TenantSummary>> {
  const seen = new Set<string>();
  const tenants = new Map<string, TenantSummary>();
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const record = JSON.parse(line) as UsageRecord;
    if (seen.has(record.id)) continue;
    seen.add(record.id);
    const tenant = record.attribution.tenant ?? "(none)";
    const sum = tenants.get(tenant) ?? {
      calls: new Set<string>(),
      attempts: 0,
      inputTokens: 0,
      outputTokens: 0,
      costNanoUsd: 0,
    };
    tenants.set(tenant, sum);
    sum.calls.add(record.callId);
    sum.attempts += 1;
    sum.inputTokens += record.inputTokens;
    sum.outputTokens += record.outputTokens;
    sum.costNanoUsd += record.costNanoUsd;
  }
  return tenants;
}

export function printSummary(path: string, summary: ReadonlyMap<string, TenantSummary>): void {
  console.log(`${path}\n`);
  const columns = ["tenant", "calls", "attempts", "input", "output", "USD"];
  const rows = [...summary]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([tenant, { calls, attempts, inputTokens, outputTokens, costNanoUsd }]) =>
      [tenant, calls.size, attempts, inputTokens, outputTokens, formatUsd(costNanoUsd)].map(String),
    );
  for (const [tenant = "", ...cells] of [columns, ...rows]) {
    console.log(tenant.padEnd(10) + cells.map((cell) => cell.padStart(11)).join(""));
  }
  console.log();
}
