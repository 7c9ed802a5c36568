/** @module What a request to a provider can be: metered, free, a way around metering, or unknown. */

/** Names for `allow`: things that cost money where no hold can follow them. */
export type Bypass =
  /** Sockets and sessions: realtime, live. */
  | "realtime"
  /** Server-side agent loops: agents, managed sessions, assistants' runs, chatkit. */
  | "agents"
  /** Of no effect any more, and still accepted: background responses are held for and settled. */
  | "background"
  /** Batches whose input cannot be read, so that nothing can be held for them. */
  | "batches"
  | "evals"
  | "fine-tuning"
  | "videos"
  | "containers"
  /** What the provider keeps or indexes, billed by size and time: context caches, file search stores. */
  | "storage";

export const BYPASSES: readonly Bypass[] = [
  "realtime",
  "agents",
  "background",
  "batches",
  "evals",
  "fine-tuning",
  "videos",
  "containers",
  "storage",
];

/** @typeParam E the names of the provider's metered endpoints, as in usage records */
export type EndpointClass<E extends string = string> =
  | { readonly kind: "metered"; readonly endpoint: E }
  | { readonly kind: "free" }
  | { readonly kind: "bypass"; readonly bypass: Bypass }
  | { readonly kind: "unknown" };

/** Reading and deleting cost nothing; everything that is posted is looked at. */
export function isFreeMethod(method: string): boolean {
  const verb = method.toLowerCase();
  return verb === "get" || verb === "delete" || verb === "head" || verb === "options";
}

/**
 * The path of an address as the URL parser reads it, which is how it will be sent: dot segments and backslashes
 * resolved, without origin, query, doubled and trailing slashes. Undefined when it is none.
 */
export function pathnameOf(address: string): string | undefined {
  let pathname: string;
  try {
    pathname = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(address) ? address : `http://h/${address}`).pathname;
  } catch {
    return undefined;
  }
  return `/${pathname.replace(/^\/+|\/+$/g, "").replace(/\/{2,}/g, "/")}`;
}
