/** @module One SQL statement over a connection of its own, without a client library. */
import { connect } from "node:net";
import { PostgresFramer, postgresErrorFields, postgresMessage, postgresStartup } from "../wire/postgres.ts";

export interface PostgresAddress {
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

/**
 * Runs one statement as the simple protocol does and returns the first column of its rows as text ("" for null).
 * @throws Error with the server's message and SQLSTATE, or when nothing comes for 30 seconds
 */
export function postgresRequest(address: PostgresAddress, statement: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const { port, user, database } = address;
    const rows: string[] = [];
    const framer = new PostgresFramer();
    let sent = false;
    const socket = connect(port, "127.0.0.1", () => socket.write(postgresStartup(user, database)));
    socket.setTimeout(30_000, () => socket.destroy(new Error(`The server on port ${port} does not answer.`)));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error(`The server on port ${port} closed the connection.`)));
    socket.on("data", (chunk) => {
      framer.push(chunk);
      for (let message = framer.next(); message !== undefined; message = framer.next()) {
        const { type, body } = message;
        if (type === "E") {
          const { C: code, M: text } = postgresErrorFields(body);
          reject(new Error(`${text} (SQLSTATE ${code})`));
          socket.destroy();
        } else if (type === "D") {
          const length = body.readInt32BE(2);
          rows.push(length < 0 ? "" : body.toString("utf8", 6, 6 + length));
        } else if (type === "Z" && !sent) {
          sent = true;
          socket.write(postgresMessage("Q", statement));
        } else if (type === "Z") {
          resolve(rows);
          socket.end(postgresMessage("X"));
        }
      }
    });
  });
}
