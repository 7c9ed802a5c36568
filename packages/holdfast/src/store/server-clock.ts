/**
 * @module What a process believes of its server's clock.
 *
 * Windows are decided by the server's clock, but a server cannot compute calendars in time zones. So a client sends
 * along the windows that may be current, the server picks the one that contains its own time, and when none does, it
 * says what time it is and the client asks again. Only the number of round trips depends on the client's clock.
 */
import type { Clock } from "../kernel/clock.ts";
import { windowAt, type Window, type WindowSpec } from "../kernel/window.ts";

/** This near to a boundary both windows are sent. */
const NEAR_MS = 2_000;
const WINDOWS_REMEMBERED = 1_000;

export class ServerClock {
  readonly #clock: Clock;
  readonly #windows = new Map<WindowSpec, Window>();
  #offsetMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The server's time as far as is known, ms since the epoch. */
  nowMs(): number {
    return this.#clock.now() + this.#offsetMs;
  }

  /** Called with each time that the server states. */
  learn(serverNowMs: number): void {
    this.#offsetMs = serverNowMs - this.#clock.now();
  }

  /** The windows of a specification that may be current on the server, oldest first: one, or two near a boundary. */
  candidates(spec: WindowSpec): readonly Window[] {
    const nowMs = this.nowMs();
    const current = this.#windowAt(spec, nowMs);
    if (current.endMs === null) return [current];
    if (nowMs + NEAR_MS >= current.endMs) return [current, windowAt(spec, current.endMs)];
    if (nowMs - NEAR_MS < current.startMs) return [windowAt(spec, current.startMs - 1), current];
    return [current];
  }

  #windowAt(spec: WindowSpec, nowMs: number): Window {
    const cached = this.#windows.get(spec);
    if (cached !== undefined && nowMs >= cached.startMs && (cached.endMs === null || nowMs < cached.endMs)) {
      return cached;
    }
    if (this.#windows.size >= WINDOWS_REMEMBERED) this.#windows.clear();
    const window = windowAt(spec, nowMs);
    this.#windows.set(spec, window);
    return window;
  }
}
