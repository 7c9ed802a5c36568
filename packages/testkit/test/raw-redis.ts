/** @module A Redis client that never reconnects, retries or guesses: what it saw is what came over the wire. */
import { connect } from "node:net";
import { RespFramer, respCommand } from "../src/wire/resp.ts";

export interface RawRedis {
  /** Sends a command; resolves with the bytes of its reply, or "lost: {code}" when the connection ends first. */
  send(...words: string[]): Promise<string>;
  /** Pushes so far. */
  readonly pushes: readonly string[];
  readonly ended: Promise<string>;
  close(): void;
}

export async function connectRedis(port: number): Promise<RawRedis> {
  const socket = connect(port, "127.0.0.1");
  const framer = new RespFramer();
  const waiting: ((reply: string) => void)[] = [];
  const pushes: string[] = [];
  let end = "";
  const ended = new Promise<string>((resolve) => {
    const finish = (how: string) => (): void => {
      end ||= how;
      for (const give of waiting.splice(0)) give(`lost: ${end}`);
      resolve(end);
    };
    socket.on("error", (error: NodeJS.ErrnoException) => finish(error.code ?? "error")());
    socket.on("end", finish("end"));
    socket.on("close", finish("close"));
  });
  socket.on("data", (chunk) => {
    for (const value of framer.take(chunk)) {
      if (value.push) pushes.push(value.bytes.toString());
      else waiting.shift()!(value.bytes.toString());
    }
  });
  await new Promise<void>((resolve) => {
    socket.once("connect", resolve).once("close", resolve);
  });
  return {
    send: (...words) =>
      new Promise((resolve) => {
        if (end !== "") resolve(`lost: ${end}`);
        else {
          waiting.push(resolve);
          socket.write(respCommand(words));
        }
      }),
    pushes,
    ended,
    close: () => socket.destroy(),
  };
}
