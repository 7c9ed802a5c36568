/** @module The end of a stream as text, with bounded memory. */

/** More than the largest final event of a text answer. */
const KEPT_BYTES = 4 * 1024 * 1024;

export class StreamEnd {
  #pieces: Uint8Array[] = [];
  #kept = 0;

  push(bytes: Uint8Array): void {
    // The pieces belong to whoever reads them.
    this.#pieces.push(bytes.slice());
    this.#kept += bytes.byteLength;
    while (this.#kept > KEPT_BYTES && this.#pieces.length > 1) this.#kept -= this.#pieces.shift()!.byteLength;
  }

  get text(): string {
    return new TextDecoder().decode(Buffer.concat(this.#pieces));
  }
}
