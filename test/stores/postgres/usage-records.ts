/** @module A usage record for tests. */
import type { UsageRecord } from "holdfast";

export function usageRecord(id: string, more: Partial<UsageRecord> = {}): UsageRecord {
  return {
    id,
    atMs: Date.UTC(2026, 2, 28),
    callId: `call-${id}`,
    requestId: `call-${id}`,
    attempt: 1,
    holdId: `hold-${id}`,
    admittedBy: "store",
    attribution: { tenant: "acme" },
    provider: "openai",
    endpoint: "chat.completions",
    stream: false,
    requestedModel: "gpt-5-mini",
    servedModel: "gpt-5-mini-2025-08-07",
    requestedServiceTier: null,
    servedServiceTier: "default",
    outcome: "complete",
    status: 200,
    providerRequestId: `req_${id}`,
    latencyMs: 12.5,
    usage: { inputTokens: 7 } as unknown as UsageRecord["usage"],
    inputTokens: 7,
    outputTokens: 11,
    usageSource: "provider",
    costNanoUsd: 10,
    heldNanoUsd: 20,
    priceSource: "test",
    priceVersion: "1",
    ...more,
  };
}
