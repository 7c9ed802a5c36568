/** @module OpenAI's /files: upload, list, retrieve, content, delete. They cost nothing. */
import { free } from "../endpoint.ts";
import type { Endpoint } from "../endpoint.ts";
import { errorBody } from "./error-bodies.ts";
import type { UploadedFile } from "../multipart.ts";
import { jsonReply, wholeReply } from "../reply.ts";
import type { EndpointContext, Reply } from "../reply.ts";
import type { ServedRequest } from "../served-request.ts";
import type { StoredFile } from "../stored-files.ts";
import type { Stores } from "../stores.ts";

function described({ id, filename, purpose, createdAt, bytes }: StoredFile): Record<string, unknown> {
  return {
    id,
    object: "file",
    bytes: bytes.length,
    created_at: createdAt,
    filename,
    purpose,
    status: "processed",
  };
}

function upload({ request, generation }: EndpointContext, { files }: Stores): Reply {
  const uploaded = request.body["file"] as UploadedFile | undefined;
  const { purpose } = request.body;
  const file: StoredFile = {
    id: generation.id("file-"),
    filename: uploaded?.filename ?? "upload",
    purpose: typeof purpose === "string" ? purpose : "user_data",
    createdAt: generation.createdAt,
    bytes: request.files.get("file") ?? Buffer.alloc(0),
  };
  files.keep(file);
  return jsonReply(described(file));
}

function found(id: string, answer: (file: StoredFile, stores: Stores) => Reply): Endpoint {
  return free((_context, stores) => {
    const file = stores.files.find(id);
    return file === undefined
      ? jsonReply(errorBody(`No such File object: ${id}`, "invalid_request_error"), 404)
      : answer(file, stores);
  });
}

/** undefined: not a path of files. */
export function fileEndpoint({ method, route }: ServedRequest): Endpoint | undefined {
  const [, files, id, content] = route.split("/");
  if (files !== "files") return undefined;
  if (id === undefined) {
    if (method === "POST") return free(upload);
    return free((_context, stores) =>
      jsonReply({ object: "list", data: stores.files.all().map(described), has_more: false }),
    );
  }
  if (content === "content") return found(id, ({ bytes }) => wholeReply("application/octet-stream", [bytes]));
  if (method === "DELETE") {
    return found(id, (_file, stores) => {
      stores.files.remove(id);
      return jsonReply({ id, object: "file", deleted: true });
    });
  }
  return found(id, (file) => jsonReply(described(file)));
}
