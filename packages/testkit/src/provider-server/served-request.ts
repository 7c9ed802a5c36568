/** @module A request as the server understood it: normalised route, parsed body, SDK headers. */
import type { IncomingMessage } from "node:http";
import { addressOf } from "./address.ts";
import type { Platform, ProviderName } from "./address.ts";
import { dialectOf } from "./dialects.ts";
import { parseMultipart } from "./multipart.ts";

export type JsonObject = { readonly [name: string]: unknown };

export interface ServedRequest {
  /** Arrival order, from 1. */
  readonly id: number;
  readonly method: string;
  /** The path as sent, without the query: "/v1/chat/completions". */
  readonly path: string;
  /** Whose wire format it speaks. */
  readonly provider: ProviderName;
  /** Who would host it. */
  readonly platform: Platform;
  /** The path without version, prefix, project and region: "/chat/completions", "/messages", "/models/m:predict". */
  readonly route: string;
  /** The route without the model: "/chat/completions", "/messages", ":generateContent". */
  readonly endpoint: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The parsed JSON or multipart fields; files appear as { filename, contentType, bytes }. */
  readonly body: JsonObject;
  /** The bytes of uploaded files by field. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** Why the body could not be parsed, if so. */
  readonly bodyError: string | undefined;
  /** Bytes of the body as sent. */
  readonly bytes: number;
  /** The requested model, from the body or the path; or Azure's deployment. */
  readonly model: string;
  readonly stream: boolean;
  /** The request's own output maximum over all of its choices, undefined when it names none. */
  readonly maxOutputTokens: number | undefined;
  /** Azure's deployment name, when the path has one. */
  readonly deployment: string | undefined;
  readonly azure: boolean;
  /** `x-stainless-retry-count`: 0 for the first attempt. */
  readonly retryCount: number;
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

interface Parsed {
  readonly body: JsonObject;
  readonly bodyError: string | undefined;
  readonly files?: ReadonlyMap<string, Buffer>;
}

function parseBody(contentType: string, bytes: Buffer): Parsed {
  if (bytes.length === 0) return { body: {}, bodyError: undefined };
  if (contentType.startsWith("multipart/form-data")) {
    return { ...parseMultipart(contentType, bytes), bodyError: undefined };
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
  const headers = Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : value,
    ]),
  );
  const query = Object.fromEntries(url.searchParams);
  const address = addressOf(url.pathname, query, headers);
  const { provider, platform, route, endpoint } = address;
  const azure = platform === "azure";
  const { body, bodyError, files } = parseBody(headers["content-type"] ?? "", bytes);
  const model = body["model"];
  return {
    id,
    method: message.method ?? "GET",
    path: url.pathname,
    provider,
    platform,
    route,
    endpoint,
    query,
    headers,
    body,
    bodyError,
    files: files ?? new Map(),
    bytes: bytes.length,
    model: typeof model === "string" ? model : (address.model ?? ""),
    stream:
      address.stream ??
      (body["stream"] === true || body["stream"] === "true" || body["stream_format"] === "sse"),
    maxOutputTokens: dialectOf(address).maximum(body),
    deployment: azure ? address.model : undefined,
    azure,
    retryCount: Number(headers["x-stainless-retry-count"] ?? 0),
  };
}
