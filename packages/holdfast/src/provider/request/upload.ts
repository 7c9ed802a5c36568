/** @module What is known of the files in a multipart request, without reading them. */
import type { Body } from "./request-shape.ts";

export interface Upload {
  readonly count: number;
  /** Null when a size cannot be told without reading (a stream). */
  readonly bytes: number | null;
  /** Of the first file; empty when it has none. */
  readonly name: string;
}

export function describeUpload(body: Body, fields: readonly string[]): Upload {
  const files = fields.flatMap((field) => {
    const value = body[field];
    return value === undefined || value === null ? [] : Array.isArray(value) ? (value as unknown[]) : [value];
  });
  // Of a file that is not seen, nothing is known.
  let bytes: number | null = files.length === 0 ? null : 0;
  for (const file of files) {
    const size =
      (file as { size?: unknown; byteLength?: unknown }).size ??
      (file as { byteLength?: unknown }).byteLength;
    bytes =
      bytes !== null && typeof size === "number" && Number.isSafeInteger(size) && size >= 0
        ? bytes + size
        : null;
  }
  const name = (files[0] as { name?: unknown } | undefined)?.name;
  return { count: files.length, bytes, name: typeof name === "string" ? name : "" };
}

/** The fields of a request body, whether it is a plain object or already a form. */
export function fieldsOf(body: unknown): Body {
  if (typeof FormData !== "undefined" && body instanceof FormData) {
    const fields: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const [name, value] of body.entries()) {
      const earlier = fields[name];
      fields[name] =
        earlier === undefined
          ? value
          : Array.isArray(earlier)
            ? [...(earlier as unknown[]), value]
            : [earlier, value];
    }
    return fields;
  }
  return typeof body === "object" && body !== null && !Array.isArray(body) ? (body as Body) : {};
}
