/** @module The lines of a file as it goes by, in pieces of any size, with bounded memory. */

const LINE_FEED = 10;

export class LineReader {
  readonly #onLine: (line: string) => void;
  readonly #longest: number;
  #parts: Uint8Array[] = [];
  #length = 0;
  #isTooLong = false;

  /**
   * @param onLine hears each line that is not empty, without its end
   * @param longest bytes of a line; of one that is longer, only {@link isTooLong} is known
   */
  constructor(onLine: (line: string) => void, longest: number) {
    this.#onLine = onLine;
    this.#longest = longest;
  }

  /** A line was longer than is kept. */
  get isTooLong(): boolean {
    return this.#isTooLong;
  }

  push(bytes: Uint8Array): void {
    let from = 0;
    for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, from)) {
      this.#keep(bytes.subarray(from, at));
      this.#emit();
      from = at + 1;
    }
    if (from < bytes.length) this.#keep(bytes.subarray(from));
  }

  /** The last line may have no end. */
  end(): void {
    this.#emit();
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    if (this.#length > this.#longest) {
      this.#isTooLong = true;
      this.#parts = [];
      return;
    }
    // The pieces belong to whoever reads them, who may use them again.
    this.#parts.push(bytes.slice());
  }

  #emit(): void {
    const { length } = this.#parts;
    if (length > 0 && this.#length <= this.#longest) {
      const line = new TextDecoder().decode(length === 1 ? this.#parts[0] : Buffer.concat(this.#parts));
      if (line.trim() !== "") this.#onLine(line);
    }
    this.#parts = [];
    this.#length = 0;
  }
}
