/**
 * @module One direction of one connection: delivers bytes in order, late, in pieces, or not at all. A connection that has
 * lost bytes delivers nothing more in that direction, since no network ever leaves out a part of a stream.
 */
import type { Socket } from "node:net";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { Direction, Faults } from "./faults.ts";

type Action = Buffer | "end" | "reset";

interface Item {
  readonly action: Action;
  /** On the clock of `performance.now()`. */
  readonly dueMs: number;
}

export class Pipe {
  readonly #target: Socket;
  readonly #direction: Direction;
  readonly #faults: Faults;
  readonly #items: Item[] = [];
  #delivering = false;
  #lastDueMs = 0;
  #lost = false;

  constructor(target: Socket, direction: Direction, faults: Faults) {
    this.#target = target;
    this.#direction = direction;
    this.#faults = faults;
  }

  /** Whether a black hole has swallowed something. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Takes bytes for the target; "end" closes it after them, "reset" resets it. */
  push(action: Action): void {
    const nowMs = performance.now();
    const delayMs = this.#faults.delayMs();
    this.#lastDueMs = Math.max(this.#lastDueMs, nowMs + delayMs);
    if (delayMs > 0 && typeof action !== "string") this.#faults.marks.add("delayed");
    this.#items.push({ action, dueMs: delayMs > 0 || this.#items.length > 0 ? this.#lastDueMs : nowMs });
    if (!this.#delivering) void this.#deliverAll();
  }

  async #deliverAll(): Promise<void> {
    this.#delivering = true;
    for (let item = this.#items[0]; item !== undefined; item = this.#items[0]) {
      const waitMs = item.dueMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      const hole = this.#faults.blackholeOf(this.#direction);
      if (hole !== undefined || this.#lost) {
        if (typeof item.action !== "string") this.#faults.marks.add("blackholed");
        if (hole?.onHeal === "deliver" && !this.#lost) {
          await hole.over;
          continue;
        }
        this.#lost = true;
      } else {
        const writing = this.#perform(item.action);
        if (writing !== undefined) await writing;
      }
      this.#items.shift();
    }
    this.#delivering = false;
  }

  #perform(action: Action): Promise<void> | undefined {
    if (this.#target.destroyed) return;
    if (action === "end") this.#target.end();
    else if (action === "reset") this.#target.resetAndDestroy();
    else {
      const { pieceBytes } = this.#faults;
      if (pieceBytes !== undefined && action.length > pieceBytes)
        return this.#writePieces(action, pieceBytes);
      this.#target.write(action);
    }
    return undefined;
  }

  /**
   * Every piece goes out in a turn of the event loop of its own, always in the same phase of it, so that a receiver in
   * this process reads it alone. One in another process does too, unless it falls behind.
   */
  async #writePieces(bytes: Buffer, pieceBytes: number): Promise<void> {
    this.#faults.marks.add("split");
    for (let start = 0; start < bytes.length && !this.#target.destroyed; start += pieceBytes) {
      await nextTurn();
      this.#target.write(bytes.subarray(start, start + pieceBytes));
    }
  }
}
