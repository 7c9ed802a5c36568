/**
 * @module The clients that a store can be made of, told apart by what they can do. No client library is imported, not
 * even its types.
 */
import { StoreSetupError } from "../../error/store-setup-error.ts";

/** ioredis and iovalkey: a client of one server or of a cluster. */
export interface IoredisLike {
  evalsha(sha: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
}

/** What node-redis calls the options of a script. */
export interface NodeRedisScriptOptions {
  keys: string[];
  arguments: string[];
}

/** node-redis: a client of one server, of a cluster or of sentinels, or a pool of clients. */
export interface NodeRedisLike {
  evalSha(sha: string, options: NodeRedisScriptOptions): Promise<unknown>;
  eval(script: string, options: NodeRedisScriptOptions): Promise<unknown>;
}

/** Valkey GLIDE. */
export interface GlideLike {
  customCommand(command: string[]): Promise<unknown>;
}

/** Any other client, as a function that sends one command: `(["EVALSHA", sha, "2", key, ...]) => reply`. */
export type RedisCommand = (command: string[]) => Promise<unknown>;

export type RedisClient = IoredisLike | NodeRedisLike | GlideLike | RedisCommand;

/** One client, whatever its kind. Rejects with the client's own errors. */
export interface Connection {
  evalsha(sha: string, keys: string[], values: string[]): Promise<unknown>;
  eval(source: string, keys: string[], values: string[]): Promise<unknown>;
  /** WAIT, on the connection that the scripts ran on; absent where there is more than one. */
  readonly wait?: (replicas: number, timeoutMs: number) => Promise<unknown>;
}

/** @throws {StoreSetupError} when the client is of no known kind. */
export function connectionOf(client: RedisClient): Connection {
  if (typeof client === "function") return ofCommand(client);
  if (can(client, "evalsha") && can(client, "eval")) return ofIoredis(client as IoredisLike);
  if (can(client, "evalSha") && can(client, "eval")) return ofNodeRedis(client as NodeRedisLike);
  if (can(client, "customCommand"))
    return ofCommand((command) => (client as GlideLike).customCommand(command));
  throw new StoreSetupError(
    "redisStore takes a client of ioredis, iovalkey, node-redis (4 or later) or GLIDE, or a function that sends one command",
  );
}

function ofIoredis(client: IoredisLike): Connection {
  const single = client as IoredisLike & { isCluster?: unknown; call?: Send };
  const connection: Connection = {
    evalsha: (sha, keys, values) => client.evalsha(sha, keys.length, ...keys, ...values),
    eval: (source, keys, values) => client.eval(source, keys.length, ...keys, ...values),
  };
  if (single.isCluster === true || !can(single, "call")) return connection;
  return { ...connection, wait: (replicas, ms) => single.call!("WAIT", String(replicas), String(ms)) };
}

type Send = (name: string, ...values: string[]) => Promise<unknown>;

function ofNodeRedis(client: NodeRedisLike): Connection {
  const single = client as NodeRedisLike & {
    duplicate?: unknown;
    sendCommand?: (command: string[]) => Promise<unknown>;
  };
  const connection: Connection = {
    evalsha: (sha, keys, values) => client.evalSha(sha, { keys, arguments: values }),
    eval: (source, keys, values) => client.eval(source, { keys, arguments: values }),
  };
  // Clusters, sentinels and pools spread commands over connections; they have other fields than a single client.
  const spreads = ["masters", "sentinelTopology", "idleClients", "totalClients", "getMasterNode"].some(
    (name) => name in client,
  );
  if (spreads || !can(single, "sendCommand") || !("isOpen" in single)) return connection;
  return {
    ...connection,
    wait: (replicas, ms) => single.sendCommand!(["WAIT", String(replicas), String(ms)]),
  };
}

function ofCommand(send: RedisCommand): Connection {
  return {
    evalsha: (sha, keys, values) => send(["EVALSHA", sha, String(keys.length), ...keys, ...values]),
    eval: (source, keys, values) => send(["EVAL", source, String(keys.length), ...keys, ...values]),
  };
}

function can(client: unknown, name: string): boolean {
  return (
    typeof client === "object" &&
    client !== null &&
    typeof (client as Record<string, unknown>)[name] === "function"
  );
}
