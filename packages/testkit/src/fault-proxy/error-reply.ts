/** @module Error replies for `rewriteReply`. */
import { postgresMessage } from "../wire/postgres.ts";

/** PostgreSQL's refusal of a request outside a transaction, ready for the next one. */
export function postgresErrorReply(sqlState: string, message: string): Buffer {
  const fields = ["SERROR", "VERROR", `C${sqlState}`, `M${message}`];
  const error = postgresMessage("E", ...fields, Buffer.alloc(1));
  return Buffer.concat([error, postgresMessage("Z", Buffer.from("I"))]);
}

/** Redis' refusal of a command, e.g. `redisErrorReply("READONLY You can't write against a read only replica.")`. */
export function redisErrorReply(message: string): Buffer {
  return Buffer.from(`-${message}\r\n`);
}
