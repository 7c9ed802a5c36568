/** @module Windows are computed once per period: the calendar is the dearest part of a reservation's arithmetic. */
import { windowAt, type Window, type WindowSpec } from "../../kernel/window.ts";

const REMEMBERED = 1_000;

export class WindowCache {
  readonly #windows = new Map<WindowSpec, Window>();

  at(spec: WindowSpec, nowMs: number): Window {
    const cached = this.#windows.get(spec);
    if (cached !== undefined && nowMs >= cached.startMs && (cached.endMs === null || nowMs < cached.endMs)) {
      return cached;
    }
    if (this.#windows.size >= REMEMBERED) this.#windows.clear();
    const window = windowAt(spec, nowMs);
    this.#windows.set(spec, window);
    return window;
  }
}
