/** @module Conversations that the server holds: `thread: { type: "create" | "continue" }` of beta messages. */
import { isSchema } from "../content.ts";
import type { JsonObject, ServedRequest } from "../served-request.ts";

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

export class StoredThreads {
  readonly #bodies = new Map<string, JsonObject>();

  /** The request with all that the server holds of its thread; undefined: it holds nothing of that thread. */
  resolve(request: ServedRequest): ServedRequest | undefined {
    const { thread } = request.body;
    if (!isSchema(thread) || thread["type"] !== "continue") return request;
    const held = this.#bodies.get(String(thread["previous_message_id"]));
    if (held === undefined) return undefined;
    const messages = [...listOf(held["messages"]), ...listOf(request.body["messages"])];
    return { ...request, body: { ...held, ...request.body, messages } };
  }

  /** Holds the conversation with its reply under the reply's id, if the request asked for a thread. */
  keep(request: ServedRequest, id: string, reply: () => readonly unknown[]): void {
    if (!isSchema(request.body["thread"])) return;
    const messages = [...listOf(request.body["messages"]), { role: "assistant", content: reply() }];
    this.#bodies.set(id, { ...request.body, messages });
  }

  clear(): void {
    this.#bodies.clear();
  }
}
