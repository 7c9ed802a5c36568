/**
 * @module The body of a request as it will be sent.
 *
 * The SDK serialises the caller's own object anew for every try. What is held for has to be what is sent, so the plan
 * and all tries work on one copy: changed by nobody, with every `toJSON` answered. Files and streams stay what they are.
 */
import type { Body } from "./request-shape.ts";

/**
 * A plain copy of a JSON-like value, equal to what JSON.stringify would make of it.
 *
 * @throws {TypeError} of JSON.stringify itself, when the body contains itself and cannot be sent.
 */
export function snapshot(body: Body): Body {
  return copy(body, "", new Set()) as Body;
}

function copy(value: unknown, key: string, path: Set<object>): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function") {
    const json: unknown = (toJSON as (key: string) => unknown).call(value, key);
    return json === value ? value : copy(json, key, path);
  }
  if (path.has(value)) JSON.stringify(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (Array.isArray(value)) {
    path.add(value);
    const array = value.map((one, index) => copy(one, String(index), path));
    path.delete(value);
    return array;
  }
  if (prototype !== Object.prototype && prototype !== null && isBinary(value)) return value;
  // What the SDK's schema helpers make carries its parser in properties that are not enumerable.
  if ("$brand" in value) return value;
  if (BOXED.has(Object.prototype.toString.call(value))) return value.valueOf();
  path.add(value);
  const object: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const own = copy((value as Body)[name], name, path);
    if (name === "__proto__") Object.defineProperty(object, name, { value: own, enumerable: true });
    else object[name] = own;
  }
  path.delete(value);
  return object;
}

/** JSON.stringify unwraps these. */
const BOXED: ReadonlySet<string> = new Set(["[object String]", "[object Number]", "[object Boolean]"]);

/** Blobs, buffers, responses and streams: uploads, which are sent as they are. */
function isBinary(value: object): boolean {
  return (
    ArrayBuffer.isView(value) ||
    value instanceof ArrayBuffer ||
    Symbol.asyncIterator in value ||
    ["arrayBuffer", "stream", "pipe", "next"].some((name) => typeof (value as Body)[name] === "function")
  );
}
