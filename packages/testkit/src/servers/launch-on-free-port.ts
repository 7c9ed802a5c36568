/** @module Starts a server on a free port, and on another one when somebody else was faster. */
import { findFreePort } from "./free-port.ts";
import { ServerStartError } from "./server-process.ts";

/**
 * @param port the port that it has to be; undefined for any
 * @throws what `launch` throws, except that a taken port is replaced up to four times
 */
export async function launchOnFreePort<T>(
  port: number | undefined,
  launch: (port: number) => Promise<T>,
): Promise<{ port: number; launched: T }> {
  for (let tries = 1; ; tries += 1) {
    const candidate = port ?? (await findFreePort());
    try {
      return { port: candidate, launched: await launch(candidate) };
    } catch (error) {
      const taken = error instanceof ServerStartError && /address already in use/i.test(error.log);
      if (!taken || port !== undefined || tries === 5) throw error;
    }
  }
}
