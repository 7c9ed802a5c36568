/** @module One client's connection through the proxy, with the connection to the server that belongs to it. */
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Faults } from "./faults.ts";
import { Pipe } from "./pipe.ts";
import type { ReplyPart, Session } from "./session.ts";

export interface ConnectionSettings {
  readonly target: { readonly host: string; readonly port: number };
  readonly session: Session;
  readonly faults: Faults;
  /** Called once, when both sides are gone. */
  readonly onClose: () => void;
  /** Called when the bytes are not of the protocol; the connection is reset. */
  readonly onProtocolError: (error: unknown) => void;
}

export class Connection {
  readonly #settings: ConnectionSettings;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #toServer: Pipe;
  readonly #toClient: Pipe;
  /** Parts of a reply that may be dropped. */
  #held: Buffer[] = [];
  /** A reply was dropped: nothing of the server goes on. */
  #severed = false;
  #open = 2;

  constructor(client: Socket, settings: ConnectionSettings) {
    const { target, faults } = settings;
    this.#settings = settings;
    this.#client = client;
    this.#server = connect({ ...target, allowHalfOpen: true, noDelay: true });
    this.#toServer = new Pipe(this.#server, "to-server", faults);
    this.#toClient = new Pipe(client, "to-client", faults);
    client.setNoDelay(true);
    this.#follow(client, this.#toServer, (chunk) => {
      settings.session.fromClient(chunk);
      this.#toServer.push(chunk);
    });
    this.#follow(this.#server, this.#toClient, (chunk) => {
      for (const part of settings.session.fromServer(chunk)) this.#passOn(part);
    });
  }

  #follow(socket: Socket, away: Pipe, onData: (chunk: Buffer) => void): void {
    let failed = false;
    socket.on("data", (chunk) => {
      try {
        onData(chunk);
      } catch (error) {
        this.#settings.onProtocolError(error);
        this.reset();
      }
    });
    socket.on("end", () => {
      if (socket === this.#server) this.#releaseAll();
      away.push("end");
    });
    socket.on("error", () => {
      failed = true;
    });
    socket.on("close", () => {
      away.push(failed ? "reset" : "end");
      this.#open -= 1;
      if (this.#open === 0) this.#settings.onClose();
    });
  }

  #passOn(part: ReplyPart): void {
    if (this.#severed) return;
    this.#held.push(part.bytes);
    const { faults } = this.#settings;
    if (part.complete) this.#end(part.request ?? "");
    else if (part.interactive || part.request === undefined || !faults.aimsAt(part.request)) this.#release();
  }

  /** A reply is complete. */
  #end(request: string): void {
    const { faults } = this.#settings;
    const verdict = faults.judge(request);
    if (verdict.kind === "pass") this.#release();
    else if (verdict.kind === "rewrite") {
      this.#held = [verdict.bytes];
      this.#release();
      faults.marks.add("rewritten");
    } else {
      this.#held = [];
      this.#severed = true;
      // Behind the replies that are still on their way to the client.
      this.#toClient.push("reset");
      this.#server.resetAndDestroy();
      faults.marks.add("dropped");
    }
  }

  #release(): void {
    for (const bytes of this.#held.splice(0)) this.#toClient.push(bytes);
  }

  /** The server sends no more: what was held back, or is no whole reply, goes on as it is. */
  #releaseAll(): void {
    if (this.#severed) return;
    this.#release();
    const { rest } = this.#settings.session;
    if (rest.length > 0) this.#toClient.push(rest);
  }

  /** Whether a black hole has swallowed bytes of it. */
  get lost(): boolean {
    return this.#toServer.lost || this.#toClient.lost;
  }

  /** RST to both sides, now. */
  reset(): void {
    this.#severed = true;
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }
}
