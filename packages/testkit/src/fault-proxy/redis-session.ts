/**
 * @module Pairs the commands and replies of one Redis connection, RESP2 or RESP3. Every command has one reply, in order,
 * those of the handshake included (HELLO, AUTH, CLIENT SETINFO, SELECT, INFO); a subscription has one per channel. Pushes
 * answer nothing else. Not followed: CLIENT REPLY OFF or SKIP, unsubscribing from everything at once, and what MONITOR
 * and the subscriptions of RESP2 send while commands are in flight.
 */
import { RespFramer } from "../wire/resp.ts";
import type { ReplyPart, Session } from "./session.ts";

const subscription = /^[ps]?(un)?subscribe$/i;

export class RedisSession implements Session {
  readonly #commands = new RespFramer({ inline: true });
  readonly #values = new RespFramer();
  /** Commands without a reply so far, the oldest first. */
  readonly #pending: string[] = [];

  get rest(): Buffer {
    return this.#values.rest;
  }

  fromClient(chunk: Buffer): void {
    for (const { words } of this.#commands.take(chunk)) {
      const [name, ...rest] = words.map((word) => word.toString("utf8"));
      // An empty inline command has no reply.
      if (name === undefined) continue;
      const replies = subscription.test(name) ? Math.max(1, rest.length) : 1;
      for (let reply = 0; reply < replies; reply += 1) this.#pending.push([name, ...rest].join(" "));
    }
  }

  fromServer(chunk: Buffer): ReplyPart[] {
    return this.#values.take(chunk).map(({ bytes, push, words }) => {
      // RESP3 confirms a subscription by a push.
      const answers = !push || subscription.test(words[0]?.toString("latin1") ?? "");
      const request = answers ? this.#pending.shift() : undefined;
      return { bytes, request, complete: request !== undefined, interactive: false };
    });
  }
}
