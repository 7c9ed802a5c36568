/** @module Uploaded files, and those the server makes of a finished batch. */
export interface StoredFile {
  readonly id: string;
  readonly filename: string;
  readonly purpose: string;
  /** Seconds since the Unix epoch. */
  readonly createdAt: number;
  readonly bytes: Buffer;
}

export class StoredFiles {
  readonly #files = new Map<string, StoredFile>();

  keep(file: StoredFile): void {
    this.#files.set(file.id, file);
  }

  find(id: string): StoredFile | undefined {
    return this.#files.get(id);
  }

  remove(id: string): boolean {
    return this.#files.delete(id);
  }

  all(): StoredFile[] {
    return [...this.#files.values()];
  }

  clear(): void {
    this.#files.clear();
  }
}
