/** @module One-off commands to a Redis, over a socket of their own: for readiness and for building a cluster. */
import { connect } from "node:net";
import { RespFramer, respCommand } from "../wire/resp.ts";

/**
 * Sends commands on a new connection and returns their replies as they came, e.g. "+PONG\r\n".
 * @throws Error when the connection fails, closes early, or takes longer than 5 seconds
 */
export function redisRequest(port: number, ...commands: readonly (readonly string[])[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const replies: string[] = [];
    const framer = new RespFramer();
    const socket = connect(port, "127.0.0.1");
    socket.setTimeout(5_000, () => socket.destroy(new Error(`Redis on port ${port} does not answer.`)));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error(`Redis on port ${port} closed the connection.`)));
    socket.on("data", (chunk) => {
      for (const value of framer.take(chunk)) replies.push(value.bytes.toString("latin1"));
      if (replies.length < commands.length) return;
      resolve(replies);
      socket.destroy();
    });
    socket.write(Buffer.concat(commands.map(respCommand)));
  });
}

/** Whether the process answers commands on the port: it has loaded its data, and it is that process. */
export async function redisAnswers(port: number, pid: number): Promise<boolean> {
  const [ping = "", info = ""] = await redisRequest(port, ["PING"], ["INFO", "server"]);
  if (/^-(NOAUTH|NOPERM)/.test(ping)) return true;
  const answering = /process_id:(\d+)/.exec(info)?.[1];
  return ping.startsWith("+PONG") && (answering === undefined || answering === String(pid));
}
