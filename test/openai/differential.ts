/** @module The same work on a bare and on a wrapped client, against two servers with the same script. */
import type { LedgerEntry, ProviderStep } from "@holdfast/testkit/provider-server";
import { expect } from "vitest";
import { rig } from "./harness.ts";
import type { ClientKind, OpenAI, Rig } from "./harness.ts";

export type Work = (client: OpenAI) => unknown;

/** What the application got: a value or an error, in a form that can be compared. */
export interface Seen {
  readonly value?: unknown;
  readonly error?: unknown;
}

export interface Both {
  readonly ours: Seen;
  readonly theirs: Seen;
  readonly at: Rig;
}

export interface DifferentialOptions {
  readonly kind: ClientKind;
  readonly work: Work;
  readonly steps?: readonly ProviderStep[];
  readonly client?: Record<string, unknown>;
}

const server = { usage: { inputTokens: 9, outputTokens: 12 }, clock: { now: () => 0 } };

/** Runs it on both, checks that the servers saw the same, and hands back both sides and the guarded rig. */
export async function differential(
  options: DifferentialOptions,
  check: (both: Both) => void | Promise<void>,
): Promise<void> {
  const { kind, steps = [], work, client } = options;
  await using at = await rig({ kind, server, ...(client === undefined ? {} : { client }) });
  await using bare = await rig({ kind, server, ...(client === undefined ? {} : { client }) });
  at.server.script(steps);
  bare.server.script(steps);
  const ours = await outcome(() => work(at.client));
  const theirs = await outcome(() => work(bare.bare));
  await at.quiet();
  await bare.quiet();
  expect(at.server.ledger.map(asSent)).toEqual(bare.server.ledger.map(asSent));
  expect(ours).toEqual(theirs);
  await check({ ours, theirs, at });
}

async function outcome(work: () => unknown): Promise<Seen> {
  try {
    return { value: comparable(await work()) };
  } catch (error) {
    return { error: comparable(error) };
  }
}

/** The request as the server saw it, without the option that asks for usage. */
function asSent(entry: LedgerEntry): unknown {
  const { stream_options: asked, ...body } = entry.requestBody;
  const { include_usage: _, ...others } = (asked ?? {}) as Record<string, unknown>;
  return {
    method: entry.method,
    path: entry.path,
    query: entry.query,
    headers: entry.headers,
    body: Object.keys(others).length === 0 ? body : { ...body, stream_options: others },
  };
}

/** Class, own fields and the like, all the way down; no functions, no stacks. */
export function comparable(value: unknown, depth = 0): unknown {
  if (value === null || typeof value !== "object") return typeof value === "function" ? "function" : value;
  if (depth > 12) return "...";
  if (value instanceof Headers) {
    return { headers: [...value.entries()].filter(([name]) => name !== "date" && name !== "content-length") };
  }
  if (ArrayBuffer.isView(value)) return { bytes: [...new Uint8Array(value.buffer)] };
  const fields = Object.fromEntries(
    Object.entries(value)
      .filter(([name, field]) => typeof field !== "function" && name !== "client" && name !== "options")
      .map(([name, field]) => [name, comparable(field, depth + 1)]),
  );
  const requestId = (value as { _request_id?: unknown })._request_id;
  return {
    class: value.constructor?.name,
    ...(value instanceof Error ? { name: value.name, message: value.message, cause: causeOf(value) } : {}),
    ...(requestId === undefined ? {} : { requestId }),
    ...fields,
  };
}

function causeOf(error: Error): unknown {
  const { cause } = error;
  return cause instanceof Error ? { class: cause.constructor.name, message: cause.message } : cause;
}
