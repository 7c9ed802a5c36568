/** Brings a Mistral client under the guard. Its only seam is the fetch of its HTTP client. */
import { Mistral } from "@mistralai/mistralai";
import { HTTPClient } from "@mistralai/mistralai/lib/http.js";
import { ClientNotSupportedError, type Attribution, type Holdfast } from "holdfast";
import { guardFetch } from "holdfast/provider";
import { mistralAdapter } from "./mistral-adapter.ts";

const guarded = new WeakSet<Mistral>();

/** @throws {ClientNotSupportedError} when it is no Mistral client, or is wrapped already. */
export function wrapMistral(client: Mistral, holdfast: Holdfast, attribution: Attribution = {}): Mistral {
  if (!(client instanceof Mistral) || guarded.has(client)) {
    throw new ClientNotSupportedError("Pass a Mistral client that is not wrapped yet.");
  }
  const fetcher = guardFetch(
    (input: Request | string | URL, init?: RequestInit) => fetch(input, init),
    holdfast,
    {
      adapter: mistralAdapter,
      provider: "mistral",
      attribution,
    },
  );
  const wrapped = new Mistral({ ...client._options, httpClient: new HTTPClient({ fetcher }) });
  guarded.add(wrapped);
  return wrapped;
}

/** The SDK wraps what its HTTP client throws; a denial is the cause. */
export function denialOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}
