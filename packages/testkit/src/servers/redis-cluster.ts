/** @module A real Redis Cluster of masters on loopback ports, with every slot assigned. */
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePort } from "./free-port.ts";
import { redisRequest } from "./redis-request.ts";
import { startRedis } from "./redis.ts";
import type { RedisServer } from "./redis.ts";
import { ServerStartError } from "./server-process.ts";

export interface RedisClusterOptions {
  /** How many masters; each gets an equal share of the slots. @default 3 */
  readonly nodes?: number;
}

export interface RedisCluster extends AsyncDisposable {
  /** The masters, in the order of their slots. */
  readonly nodes: readonly RedisServer[];
  /** Ends all nodes for good. */
  stop(): Promise<void>;
}

const slots = 16_384;
/** Where a node's cluster bus listens, relative to its port. */
const busOffset = 10_000;
const patienceMs = 60_000;

async function startNode(): Promise<RedisServer> {
  for (let tries = 1; ; tries += 1) {
    const port = await findFreePort([busOffset]);
    const args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
    try {
      return await startRedis({ port, args });
    } catch (error) {
      const taken = error instanceof ServerStartError && /address already in use/i.test(error.log);
      if (!taken || tries === 5) throw error;
    }
  }
}

async function command(node: RedisServer, ...words: string[]): Promise<string> {
  const [reply = ""] = await redisRequest(node.port, words);
  if (reply.startsWith("-")) throw new Error(`${words.slice(0, 3).join(" ")}: ${reply.trim()}`);
  return reply;
}

async function join(nodes: readonly RedisServer[]): Promise<void> {
  for (const [index, node] of nodes.entries()) {
    const from = Math.floor((index * slots) / nodes.length);
    const to = Math.floor(((index + 1) * slots) / nodes.length);
    const share = Array.from({ length: to - from }, (_, slot) => String(from + slot));
    await command(node, "CLUSTER", "ADDSLOTS", ...share);
    // Distinct epochs: masters that meet with equal ones spend seconds on settling the order.
    await command(node, "CLUSTER", "SET-CONFIG-EPOCH", String(index + 1));
  }
  const [first, ...others] = nodes;
  for (const node of others) await command(node, "CLUSTER", "MEET", first!.host, String(first!.port));
}

async function isComplete(node: RedisServer, nodes: number): Promise<boolean> {
  const info = await command(node, "CLUSTER", "INFO");
  return ["cluster_state:ok", `cluster_slots_ok:${slots}`, `cluster_known_nodes:${nodes}`].every((line) =>
    info.includes(`${line}\r\n`),
  );
}

/**
 * Starts the nodes, joins them and resolves when each sees all of them and all slots: a second or two.
 * @throws Error that says what to install, or when the cluster is not complete within a minute
 */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const size = options.nodes ?? 3;
  const nodes: RedisServer[] = [];
  async function stop(): Promise<void> {
    await Promise.all(nodes.map((node) => node.stop()));
  }

  try {
    for (let index = 0; index < size; index += 1) nodes.push(await startNode());
    await join(nodes);
    const deadline = Date.now() + patienceMs;
    while (!(await Promise.all(nodes.map((node) => isComplete(node, size)))).every(Boolean)) {
      if (Date.now() > deadline)
        throw new Error(`The Redis cluster was not complete within ${patienceMs} ms.`);
      await sleep(20);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, stop, [Symbol.asyncDispose]: stop };
}
