/** @module What the proxy knows of a protocol: which bytes are one reply, and which request it answers. */

/** A piece of what the server sent, in order; all pieces together are exactly its bytes. */
export interface ReplyPart {
  readonly bytes: Buffer;
  /** The request that it answers, as far as it is known; undefined for what answers none. */
  readonly request: string | undefined;
  /** Whether the reply ends here. */
  readonly complete: boolean;
  /** Whether the client has to see it before the reply can go on. */
  readonly interactive: boolean;
}

/** One connection, followed from its first byte. */
export interface Session {
  /** Sees what the client sent. @throws TypeError when it is not the protocol */
  fromClient(chunk: Buffer): void;
  /** Takes what the server sent and returns what is whole by now. @throws TypeError when it is not the protocol */
  fromServer(chunk: Buffer): ReplyPart[];
  /** Bytes of the server that belong to no part yet. */
  readonly rest: Buffer;
}

/** Follows nothing: every chunk goes on as it came, and there are no replies. */
export class RawSession implements Session {
  readonly rest: Buffer = Buffer.alloc(0);

  fromClient(): void {}

  fromServer(chunk: Buffer): ReplyPart[] {
    return [{ bytes: chunk, request: undefined, complete: false, interactive: false }];
  }
}
