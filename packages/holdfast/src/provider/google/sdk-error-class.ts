/**
 * @module The ApiError class of the SDK that a client comes from.
 *
 * A stream that continues itself takes every error that is not an ApiError for a lost connection, and asks again. The
 * class cannot be had from a client, but the client can be made to throw one: by an answer of our own to a request that
 * never leaves.
 */
import type { ApiClient } from "./client-shape.ts";

type ErrorClass = new (message: string) => Error;

const classes = new WeakMap<object, Promise<ErrorClass | undefined>>();

/** Undefined when the SDK throws something else. */
export function apiErrorClass(client: ApiClient): Promise<ErrorClass | undefined> {
  const kind = Object.getPrototypeOf(client) as object;
  let found = classes.get(kind);
  if (found === undefined) classes.set(kind, (found = provoke(client)));
  return found;
}

async function provoke(client: ApiClient): Promise<ErrorClass | undefined> {
  const apiCall = async (): Promise<Response> =>
    new Response('{"error":{}}', { status: 400, headers: { "content-type": "application/json" } });
  const answered = Object.create(client, { apiCall: { value: apiCall } }) as ApiClient;
  try {
    await answered.unaryApiCall("http://localhost/", {}, "GET");
  } catch (error) {
    const found = error instanceof Error ? (error.constructor as ErrorClass) : undefined;
    return found?.name === "ApiError" || (error as Error).name === "ApiError" ? found : undefined;
  }
  return undefined;
}
