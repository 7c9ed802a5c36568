/**
 * @module The dispatcher without time limits that the SDK uses where the application sets no fetch of its own.
 *
 * Node's fetch gives up after 300 s without headers or without a piece of the body, which long generations need. The SDK
 * leaves its dispatcher out when it is given a fetch, such as ours, so ours has to bring it (as in @google/genai 2.32 and
 * 3.1, createUndiciNoTimeoutDispatcher).
 */
const GLOBAL_DISPATCHER = Symbol.for("undici.globalDispatcher.1");

interface Dispatcher {
  dispatch(options: object, handler: unknown): unknown;
}

function globalDispatcher(): Dispatcher | undefined {
  const found = (globalThis as { [GLOBAL_DISPATCHER]?: Partial<Dispatcher> })[GLOBAL_DISPATCHER];
  return typeof found?.dispatch === "function" ? (found as Dispatcher) : undefined;
}

const noTimeout: Dispatcher = {
  // The global one may be replaced at any time.
  dispatch: (options, handler) =>
    globalDispatcher()!.dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler),
};

/** What is added to a fetch; nothing where fetch is not that of Node. */
export function withoutTimeouts(): { readonly dispatcher?: unknown } {
  // Node makes it when it is first needed.
  if (globalDispatcher() === undefined) new Headers();
  return globalDispatcher() === undefined ? {} : { dispatcher: noTimeout };
}
