/**
 * @module Delivery of events, off the user's path.
 *
 * An event is queued while the call runs and handed to the listeners in a later turn of the event loop. The queue is
 * bounded: when listeners cannot keep up, the newest events are dropped, counted, and the count is itself an event.
 */
import { EventEmitter } from "eventemitter3";
import type { Clock } from "../kernel/clock.ts";
import type { IdSource } from "../kernel/id.ts";
import type { EventName, HoldfastEvents } from "./events.ts";

/** May be asynchronous; a rejection is reported, never raised. */
export type Listener<E extends EventName> = (event: HoldfastEvents[E]) => unknown;

export interface EmitterOptions {
  readonly clock: Clock;
  readonly nextId: IdSource;
  /** @default 10_000 */
  readonly queueLimit?: number;
}

type Isolated = (event: unknown) => void;

export class Emitter {
  readonly #listeners = new EventEmitter<Record<string, Isolated>>();
  readonly #isolated = new Map<string, Map<unknown, Isolated[]>>();
  readonly #clock: Clock;
  readonly #nextId: IdSource;
  readonly #queueLimit: number;
  #queue: { readonly name: EventName; readonly event: unknown }[] = [];
  #scheduled = false;
  #dropped = 0;

  constructor(options: EmitterOptions) {
    this.#clock = options.clock;
    this.#nextId = options.nextId;
    this.#queueLimit = options.queueLimit ?? 10_000;
  }

  on<E extends EventName>(name: E, listener: Listener<E>): void {
    const isolated: Isolated = (event) => this.#deliver(name, listener as (event: unknown) => unknown, event);
    const ofName = this.#isolated.get(name) ?? new Map<unknown, Isolated[]>();
    this.#isolated.set(name, ofName);
    ofName.set(listener, [...(ofName.get(listener) ?? []), isolated]);
    this.#listeners.on(name, isolated);
  }

  off<E extends EventName>(name: E, listener: Listener<E>): void {
    const ofName = this.#isolated.get(name);
    const isolated = ofName?.get(listener);
    if (ofName === undefined || isolated === undefined) return;
    const last = isolated.pop();
    if (isolated.length === 0) ofName.delete(listener);
    this.#listeners.off(name, last);
  }

  /** Whether building such an event is worth while. */
  wants(name: EventName): boolean {
    return this.#listeners.listenerCount(name) > 0;
  }

  /** Queues the event; `build` runs only if somebody listens. Never throws. */
  emit<E extends EventName>(name: E, build: () => HoldfastEvents[E]): void {
    if (!this.wants(name)) return;
    if (this.#queue.length >= this.#queueLimit) {
      this.#dropped += 1;
      return;
    }
    try {
      this.#queue.push({ name, event: build() });
      this.#schedule();
    } catch (error) {
      this.#failed(name, error);
    }
  }

  /** Delivers what is queued now. Events that listeners cause in doing so are left for the next turn. */
  flush(): void {
    const batch = this.#queue;
    this.#queue = [];
    for (const { name, event } of batch) this.#listeners.emit(name, event);
    if (this.#dropped > 0) {
      const count = this.#dropped;
      this.#dropped = 0;
      this.#listeners.emit("events-dropped", { id: this.#nextId(), atMs: this.#clock.now(), count });
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  #deliver(name: string, listener: (event: unknown) => unknown, event: unknown): void {
    try {
      const result = listener(event);
      if (typeof (result as { then?: unknown } | null | undefined)?.then === "function") {
        (result as PromiseLike<unknown>).then(undefined, (error: unknown) => this.#failed(name, error));
      }
    } catch (error) {
      this.#failed(name, error);
    }
  }

  #failed(name: string, error: unknown): void {
    // A failing failure listener has nobody left to tell.
    if (name === "listener-failed") return;
    this.emit("listener-failed", () => ({ id: this.#nextId(), atMs: this.#clock.now(), event: name, error }));
  }
}
