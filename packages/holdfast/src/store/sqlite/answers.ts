/** @module What was answered to operations that made no hold, so that a replay is answered the same. */
import type { Connection, SqliteStatement } from "./database.ts";

/** "once": an operation id of its own; "renew": a renewal of one hold, under whose id it is. */
export type AnswerKind = "once" | "renew";

export interface AskedOperation {
  readonly kind: AnswerKind;
  /** As in the row: see sortable-text.ts. */
  readonly id: string;
  /** The renewed hold, as in the row; else empty. */
  readonly holdId: string;
  /** What a replay must ask again, word by word. */
  readonly asked: string;
}

/** The first answer as it was remembered, or that the id was used for something else. */
export type Answered = { readonly text: string } | "mismatch";

export class Answers {
  readonly #find: SqliteStatement;
  readonly #add: SqliteStatement;

  constructor(connection: Connection) {
    this.#find = connection.prepare(
      "SELECT asked, answer FROM answer WHERE kind = ? AND id = ? AND hold_id = ?",
    );
    this.#add = connection.prepare(
      "INSERT INTO answer (kind, id, hold_id, asked, answer, at_ms) VALUES (?, ?, ?, ?, ?, ?)",
    );
  }

  /** Undefined when the operation is new. */
  find({ kind, id, holdId, asked }: AskedOperation): Answered | undefined {
    const row = this.#find.get(kind, id, holdId) as { asked: string; answer: string } | undefined;
    if (row === undefined) return undefined;
    return row.asked === asked ? { text: row.answer } : "mismatch";
  }

  remember({ kind, id, holdId, asked }: AskedOperation, text: string, atMs: number): void {
    this.#add.run(kind, id, holdId, asked, text, atMs);
  }
}
