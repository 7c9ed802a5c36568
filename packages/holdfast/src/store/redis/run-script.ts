/** @module One script, sent by its hash; by its source when the server has not seen it, or has forgotten it. */
import { StoreSetupError } from "../../error/store-setup-error.ts";
import type { Connection } from "./redis-client.ts";
import { SCRIPTS, type ScriptName } from "./scripts.ts";

const NOT_LOADED = /NOSCRIPT|No matching script/i;

/** Rejects with the client's own error. */
export async function runScript(
  connection: Connection,
  name: ScriptName,
  keys: string[],
  values: string[],
): Promise<readonly unknown[]> {
  const { sha, source } = SCRIPTS[name];
  let reply: unknown;
  try {
    reply = await connection.evalsha(sha, keys, values);
  } catch (error) {
    if (!(error instanceof Error) || !NOT_LOADED.test(error.message)) throw error;
    reply = await connection.eval(source, keys, values);
  }
  if (!Array.isArray(reply)) {
    throw new StoreSetupError(
      "the Redis client does not resolve to a script's reply; a client that takes callbacks cannot be used",
    );
  }
  return reply as readonly unknown[];
}
