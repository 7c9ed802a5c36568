/**
 * @module The stores on their real servers, opened from plain data, so that a test and its worker processes open the
 * same one. What a backend opens, its `close` closes: clients too.
 */
import type { LedgerStore } from "holdfast";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export type Backend =
  | { readonly kind: "sqlite"; readonly path: string }
  | { readonly kind: "ioredis"; readonly url: string; readonly prefix: string }
  | { readonly kind: "node-redis"; readonly url: string; readonly prefix: string }
  | { readonly kind: "ioredis cluster"; readonly nodes: readonly Address[]; readonly prefix: string }
  | { readonly kind: "node-redis cluster"; readonly nodes: readonly Address[]; readonly prefix: string }
  | { readonly kind: "pg" | "postgres.js"; readonly url: string }
  | { readonly kind: "leased"; readonly over: Backend };

export interface OpenStore {
  readonly store: LedgerStore;
  /** Closes the store, then the client under it. */
  close(): Promise<void>;
}

/** Loads only what the backend needs: worker processes start often. */
export async function openStore(backend: Backend): Promise<OpenStore> {
  switch (backend.kind) {
    case "sqlite": {
      const { sqliteStore } = await import("holdfast/sqlite");
      // Processes that do nothing else starve each other for longer than an application's would.
      return opened(sqliteStore(backend.path, { busyTimeoutMs: 20_000 }), () => undefined);
    }
    case "ioredis":
    case "ioredis cluster": {
      const [{ redisStore }, { Cluster, Redis }] = await Promise.all([
        import("holdfast/redis"),
        import("ioredis"),
      ]);
      const client = backend.kind === "ioredis" ? new Redis(backend.url) : new Cluster([...backend.nodes]);
      return opened(redisStore(client, { prefix: backend.prefix }), () => client.disconnect());
    }
    case "node-redis":
    case "node-redis cluster": {
      const [{ redisStore }, redis] = await Promise.all([import("holdfast/redis"), import("redis")]);
      const client =
        backend.kind === "node-redis"
          ? redis.createClient({ url: backend.url })
          : redis.createCluster({
              rootNodes: backend.nodes.map(({ host, port }) => ({ url: `redis://${host}:${port}` })),
            });
      client.on("error", () => undefined);
      await client.connect();
      return opened(redisStore(client, { prefix: backend.prefix }), () => client.destroy());
    }
    case "pg": {
      const [{ postgresStore }, { Pool }] = await Promise.all([import("holdfast/postgres"), import("pg")]);
      const pool = new Pool({ connectionString: backend.url, max: 4 });
      return opened(postgresStore(pool), () => pool.end());
    }
    case "postgres.js": {
      const [{ postgresStore }, { default: postgres }] = await Promise.all([
        import("holdfast/postgres"),
        import("postgres"),
      ]);
      const sql = postgres(backend.url, { max: 4, onnotice: () => undefined });
      return opened(postgresStore(sql), () => sql.end());
    }
    case "leased": {
      const [{ leased }, base] = await Promise.all([import("holdfast/lease"), openStore(backend.over)]);
      return opened(leased(base.store, { lease: () => true }), () => base.close());
    }
  }
}

function opened(store: LedgerStore, closeClient: () => unknown): OpenStore {
  return {
    store,
    close: async () => {
      await store.close();
      await closeClient();
    },
  };
}
