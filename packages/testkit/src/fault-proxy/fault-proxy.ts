/** @module The proxy: a loopback port in front of one server, and the faults that a test turns on and off. */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { Connection } from "./connection.ts";
import { Faults } from "./faults.ts";
import type { Blackhole, RequestFilter, Verdict } from "./faults.ts";
import type { MarkName, Marks } from "./marks.ts";
import { PostgresSession } from "./postgres-session.ts";
import { RedisSession } from "./redis-session.ts";
import { RawSession } from "./session.ts";
import type { Session } from "./session.ts";

export type FaultProxyProtocol = "postgres" | "raw" | "redis";

export interface FaultProxyOptions {
  /** The server behind the proxy; connected to anew for every client. */
  readonly target: { readonly host: string; readonly port: number };
  /** How replies are told apart; with "raw" they are not, and `dropReply` and `rewriteReply` throw. */
  readonly protocol: FaultProxyProtocol;
  /** The source of jitter, from 0 up to 1. @default Math.random */
  readonly random?: () => number;
}

export interface AimOptions {
  /**
   * Counts only replies to requests that contain this text, in upper or lower case, or that the function accepts. Of
   * Redis a request is the words of the command as the client writes them, with spaces between ("evalsha 9f2c 1 key"),
   * of PostgreSQL the text of its statements, also when they were prepared earlier. @default every request, those of the client library's handshake included
   */
  readonly where?: RequestFilter;
}

export interface FaultProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** How often each fault happened. */
  readonly marks: Marks;
  /**
   * Complete replies of the server so far, over all connections, dropped and rewritten ones included. Those of a
   * handshake count: Redis' HELLO, AUTH, CLIENT SETINFO, INFO one each, the start of a PostgreSQL session one.
   */
  readonly replies: number;
  /** Clients connected now. */
  readonly connections: number;
  /** What went wrong in reading the protocol; the connections concerned were reset. Empty when all is well. */
  readonly errors: readonly unknown[];
  /** Delays every chunk in both directions by `ms` plus up to `jitterMs`, in order: a round trip takes twice that. */
  latency(ms: number, jitterMs?: number): void;
  /**
   * Lets nothing through in a direction, without closing: neither bytes nor the end of a connection. `onHeal` says what
   * `heal` does to a connection that was concerned: "reset" it, or "deliver" late what was held back, as a network that
   * comes back does. New connections are accepted (by the operating system) and hear nothing. @default "reset"
   */
  blackhole(direction: Blackhole["direction"], options?: { readonly onHeal?: Blackhole["onHeal"] }): void;
  /** Resets every new connection at once; those that exist go on. */
  refuse(): void;
  /** Resets every connection now, once. */
  reset(): void;
  /**
   * Swallows the n-th complete reply from now on, counted from 1 over all connections, and resets its connection. The
   * server has done what was asked. Replies before it arrive; those pipelined behind it are lost as well.
   * @throws TypeError for the protocol "raw"
   */
  dropReply(n: number, options?: AimOptions): void;
  /**
   * Replaces the n-th complete reply by bytes of the protocol: "-READONLY You can't write ...\r\n", or
   * `postgresErrorReply`. The server has done what was asked all the same.
   * @throws TypeError for the protocol "raw"
   */
  rewriteReply(n: number, bytes: Uint8Array | string, options?: AimOptions): void;
  /** Cuts every write into pieces of at most so many bytes, each sent by itself. */
  splitBytes(size: number): void;
  /** Turns every fault off, those not used up included. Connections that lost bytes are reset. The marks stay. */
  heal(): void;
  /** Resolves when a fault has happened `count` times in all. @default count 1 */
  waitForMark(name: MarkName, count?: number): Promise<void>;
  /** Resets all connections and stops listening. */
  stop(): Promise<void>;
}

const sessions: Readonly<Record<FaultProxyProtocol, () => Session>> = {
  postgres: () => new PostgresSession(),
  raw: () => new RawSession(),
  redis: () => new RedisSession(),
};

/**
 * Starts a proxy on a free loopback port.
 * @throws Error when the port cannot be opened
 */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { target, protocol } = options;
  const host = "127.0.0.1";
  const faults = new Faults(options.random ?? Math.random);
  const connections = new Set<Connection>();
  const errors: unknown[] = [];

  const listener = createServer({ allowHalfOpen: true }, (client) => {
    if (faults.refusing) {
      faults.marks.add("refused");
      client.on("error", () => {});
      client.resetAndDestroy();
      return;
    }
    const connection: Connection = new Connection(client, {
      target,
      faults,
      session: sessions[protocol](),
      onClose: () => connections.delete(connection),
      onProtocolError: (error) => errors.push(error),
    });
    connections.add(connection);
  });
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(0, host, resolve);
  });

  function aim(verdict: Verdict, n: number, { where }: AimOptions = {}): void {
    if (protocol === "raw") throw new TypeError('The protocol "raw" has no replies to aim at.');
    faults.aim(verdict, n, where);
  }

  function resetAll(which: (connection: Connection) => boolean, mark?: MarkName): void {
    for (const connection of connections) {
      if (!which(connection)) continue;
      connection.reset();
      if (mark !== undefined) faults.marks.add(mark);
    }
  }

  async function stop(): Promise<void> {
    faults.clear();
    resetAll(() => true);
    if (listener.listening) await new Promise<void>((resolve) => listener.close(() => resolve()));
  }

  return {
    host,
    port: (listener.address() as AddressInfo).port,
    marks: faults.marks.counts,
    get replies() {
      return faults.replies;
    },
    get connections() {
      return connections.size;
    },
    errors,
    latency(ms, jitterMs = 0) {
      faults.latencyMs = ms;
      faults.jitterMs = jitterMs;
    },
    blackhole: (direction, { onHeal = "reset" } = {}) => faults.openBlackhole(direction, onHeal),
    refuse() {
      faults.refusing = true;
    },
    reset: () => resetAll(() => true, "reset"),
    dropReply: (n, aimOptions) => aim({ kind: "drop" }, n, aimOptions),
    rewriteReply: (n, bytes, aimOptions) =>
      aim({ kind: "rewrite", bytes: Buffer.from(bytes) }, n, aimOptions),
    splitBytes(size) {
      if (!Number.isSafeInteger(size) || size < 1)
        throw new RangeError(`Pieces have at least 1 byte, not ${size}.`);
      faults.pieceBytes = size;
    },
    heal() {
      resetAll((connection) => connection.lost);
      faults.clear();
    },
    waitForMark: (name, count = 1) => faults.marks.wait(name, count),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
