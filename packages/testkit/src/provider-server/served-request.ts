/** @module A request as the server understood it: normalised route, parsed body, SDK headers. */
import type { IncomingMessage } from "node:http";
import { parseMultipart } from "./multipart.ts";

export type JsonObject = { readonly [name: string]: unknown };

export interface ServedRequest {
  /** Arrival order, from 1. */
  readonly id: number;
  readonly method: string;
  /** The path as sent, without the query: "/v1/chat/completions". */
  readonly path: string;
  /** The path without "/v1" or Azure's prefix: "/chat/completions". */
  readonly route: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The parsed JSON or multipart fields; files appear as { filename, contentType, bytes }. */
  readonly body: JsonObject;
  /** Why the body could not be parsed, if so. */
  readonly bodyError: string | undefined;
  /** Bytes of the body as sent. */
  readonly bytes: number;
  /** The requested model, or Azure's deployment. */
  readonly model: string;
  readonly stream: boolean;
  /** Azure's deployment name, when the path has one. */
  readonly deployment: string | undefined;
  readonly azure: boolean;
  /** `x-stainless-retry-count`: 0 for the first attempt. */
  readonly retryCount: number;
}

interface Route {
  readonly route: string;
  readonly azure: boolean;
  readonly deployment: string | undefined;
}

/** Strips "/v1", "/openai", "/openai/v1" and "/openai/deployments/{name}". */
export function normalisePath(path: string): Route {
  const deployment = /^\/openai\/deployments\/([^/]+)(\/.*)$/.exec(path);
  if (deployment) {
    return { azure: true, deployment: decodeURIComponent(deployment[1] ?? ""), route: deployment[2] ?? "/" };
  }
  const azure = /^\/openai(?:\/v1)?(\/.*)$/.exec(path);
  if (azure) return { azure: true, deployment: undefined, route: azure[1] ?? "/" };
  return { azure: false, deployment: undefined, route: path.replace(/^\/v1(?=\/|$)/, "") || "/" };
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

function parseBody(contentType: string, bytes: Buffer): { body: JsonObject; bodyError: string | undefined } {
  if (bytes.length === 0) return { body: {}, bodyError: undefined };
  if (contentType.startsWith("multipart/form-data")) {
    return { body: parseMultipart(contentType, bytes), bodyError: undefined };
  }
  try {
    const body: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof body === "object" && body !== null) return { body: body as JsonObject, bodyError: undefined };
    return { body: {}, bodyError: "the body is not a JSON object" };
  } catch (error) {
    return { body: {}, bodyError: `We could not parse the JSON body of your request: ${String(error)}` };
  }
}

/** Reads the whole request. Rejects when the client goes away while sending. */
export async function readRequest(id: number, message: IncomingMessage): Promise<ServedRequest> {
  const bytes = await readAll(message);
  const url = new URL(message.url ?? "/", "http://127.0.0.1");
  const { route, azure, deployment } = normalisePath(url.pathname);
  const headers = Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : value,
    ]),
  );
  const { body, bodyError } = parseBody(headers["content-type"] ?? "", bytes);
  const model = body["model"];
  return {
    id,
    method: message.method ?? "GET",
    path: url.pathname,
    route,
    query: Object.fromEntries(url.searchParams),
    headers,
    body,
    bodyError,
    bytes: bytes.length,
    model: typeof model === "string" ? model : (deployment ?? ""),
    stream: body["stream"] === true || body["stream"] === "true" || body["stream_format"] === "sse",
    deployment,
    azure,
    retryCount: Number(headers["x-stainless-retry-count"] ?? 0),
  };
}
