/** @module A map that forgets its oldest entries: bounded idempotency memory. */

export class Remembered<V> {
  readonly #entries = new Map<string, V>();
  readonly #ring: (string | undefined)[];
  #position = 0;

  constructor(capacity: number) {
    this.#ring = new Array<string | undefined>(capacity).fill(undefined);
  }

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  /** The key must be new. */
  add(key: string, value: V): void {
    const oldest = this.#ring[this.#position];
    if (oldest !== undefined) this.#entries.delete(oldest);
    this.#ring[this.#position] = key;
    this.#position = (this.#position + 1) % this.#ring.length;
    this.#entries.set(key, value);
  }
}
