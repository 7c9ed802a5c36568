/**
 * @module Finds ports that nobody listens on, below the range that the system hands to outgoing connections: a client
 * that keeps connecting to a stopped server can then not take the server's port, nor connect to itself.
 */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

const lowest = 10_000;
const highest = 21_000;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

/**
 * A loopback port that is free now; another process can still take it before it is used.
 * @param offsets ports that must be free as well, relative to the one returned
 * @throws Error when a hundred tries found none
 */
export async function findFreePort(offsets: readonly number[] = []): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = randomInt(lowest, highest);
    const free = await Promise.all([port, ...offsets.map((offset) => port + offset)].map(isFree));
    if (free.every(Boolean)) return port;
  }
  throw new Error(`No free port between ${lowest} and ${highest}.`);
}
