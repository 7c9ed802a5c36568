/** @module Appends usage records to a file, one JSON text per line. */
import { createWriteStream, type WriteStream } from "node:fs";
import type { UsageRecord } from "holdfast";

export class UsageFile {
  readonly #stream: WriteStream;

  constructor(path: string) {
    this.#stream = createWriteStream(path, { flags: "a" });
  }

  append(record: UsageRecord): void {
    this.#stream.write(`${JSON.stringify(record)}\n`);
  }

  /** Resolves when everything is written. */
  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.once("error", reject);
      this.#stream.end(resolve);
    });
  }
}
