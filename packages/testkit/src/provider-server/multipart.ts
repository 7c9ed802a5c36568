/** @module Just enough multipart/form-data to know the fields and the files of an upload. */
import type { JsonObject } from "./served-request.ts";

export interface UploadedFile {
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: number;
}

function* partsOf(boundary: string, bytes: Buffer): Generator<{ head: string; content: Buffer }> {
  const delimiter = Buffer.from(`--${boundary}`);
  let start = bytes.indexOf(delimiter);
  while (start >= 0) {
    const next = bytes.indexOf(delimiter, start + delimiter.length);
    if (next < 0) return;
    const part = bytes.subarray(start + delimiter.length + 2, next - 2);
    const headEnd = part.indexOf("\r\n\r\n");
    if (headEnd >= 0) yield { head: part.toString("utf8", 0, headEnd), content: part.subarray(headEnd + 4) };
    start = next;
  }
}

export interface Multipart {
  /** Fields as strings, files as their description; a name sent several times ("image[]") becomes an array. */
  readonly body: JsonObject;
  /** The bytes of each file by the name of its field, the last one where a name comes several times. */
  readonly files: ReadonlyMap<string, Buffer>;
}

export function parseMultipart(contentType: string, bytes: Buffer): Multipart {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  const fields = new Map<string, unknown[]>();
  const files = new Map<string, Buffer>();
  if (boundary === undefined) return { body: {}, files };
  for (const { head, content } of partsOf(boundary, bytes)) {
    const name = /[; ]name="([^"]*)"/.exec(head)?.[1];
    if (name === undefined) continue;
    const filename = /filename="([^"]*)"/.exec(head)?.[1];
    const type = /content-type:\s*([^\r\n]+)/i.exec(head)?.[1];
    const file: UploadedFile | undefined =
      filename === undefined
        ? undefined
        : { filename, contentType: type ?? "application/octet-stream", bytes: content.length };
    const key = name.replace(/\[\]$/, "");
    if (file !== undefined) files.set(key, content);
    fields.set(key, [...(fields.get(key) ?? []), file ?? content.toString("utf8")]);
  }
  const body = Object.fromEntries(
    [...fields].map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
  );
  return { body, files };
}
