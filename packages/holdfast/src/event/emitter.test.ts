import { describe, expect, it } from "vitest";
import { createIdSource } from "../kernel/id.ts";
import { Emitter } from "./emitter.ts";
import type { EventsDroppedEvent, ListenerFailedEvent, PricesChangedEvent } from "./events.ts";

function make(queueLimit?: number): Emitter {
  return new Emitter({
    clock: { now: () => 42 },
    nextId: createIdSource("e"),
    ...(queueLimit === undefined ? {} : { queueLimit }),
  });
}

const prices = (version: string): PricesChangedEvent => ({ id: version, atMs: 0, version });
const emit = (emitter: Emitter, ...versions: string[]): void => {
  for (const version of versions) emitter.emit("prices-changed", () => prices(version));
};
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("delivery", () => {
  it("happens in order, to every listener in the order of registration", () => {
    const emitter = make();
    const seen: string[] = [];
    emitter.on("prices-changed", ({ version }) => seen.push(`a${version}`));
    emitter.on("prices-changed", ({ version }) => seen.push(`b${version}`));
    emit(emitter, "1", "2");
    emitter.flush();
    expect(seen).toEqual(["a1", "b1", "a2", "b2"]);
  });

  it("keeps the order over different events", () => {
    const emitter = make();
    const seen: string[] = [];
    emitter.on("prices-changed", ({ version }) => seen.push(version));
    emitter.on("hold-released", ({ holdId }) => seen.push(holdId));
    emit(emitter, "1");
    emitter.emit("hold-released", () => ({ id: "x", atMs: 0, holdId: "2" }));
    emit(emitter, "3");
    emitter.flush();
    expect(seen).toEqual(["1", "2", "3"]);
  });

  it("is off the caller's stack, in a later turn, without anybody flushing", async () => {
    const emitter = make();
    const seen: string[] = [];
    emitter.on("prices-changed", ({ version }) => seen.push(version));
    emit(emitter, "1");
    expect(seen).toEqual([]);
    await Promise.resolve();
    expect(seen).toEqual([]);
    await nextTurn();
    expect(seen).toEqual(["1"]);
  });

  it("happens once, flushed or not", async () => {
    const emitter = make();
    const seen: string[] = [];
    emitter.on("prices-changed", ({ version }) => seen.push(version));
    emit(emitter, "1");
    emitter.flush();
    emit(emitter, "2");
    await nextTurn();
    await nextTurn();
    expect(seen).toEqual(["1", "2"]);
  });

  it("builds an event only when somebody listens", () => {
    const emitter = make();
    let built = 0;
    const build = (): PricesChangedEvent => {
      built += 1;
      return prices("1");
    };
    emitter.emit("prices-changed", build);
    expect([built, emitter.wants("prices-changed")]).toEqual([0, false]);
    emitter.on("prices-changed", () => undefined);
    emitter.emit("prices-changed", build);
    expect([built, emitter.wants("prices-changed")]).toEqual([1, true]);
  });

  it("does not reach those who began to listen after the delivery", () => {
    const emitter = make();
    emitter.on("prices-changed", () => undefined);
    emit(emitter, "1");
    emitter.flush();
    const seen: string[] = [];
    emitter.on("prices-changed", ({ version }) => seen.push(version));
    emitter.flush();
    expect(seen).toEqual([]);
  });
});

describe("off", () => {
  it("ends the listening", () => {
    const emitter = make();
    const seen: string[] = [];
    const listener = ({ version }: PricesChangedEvent): unknown => seen.push(version);
    emitter.on("prices-changed", listener);
    emitter.off("prices-changed", listener);
    emit(emitter, "1");
    emitter.flush();
    expect([seen, emitter.wants("prices-changed")]).toEqual([[], false]);
  });

  it("takes away one registration at a time", () => {
    const emitter = make();
    const seen: string[] = [];
    const listener = ({ version }: PricesChangedEvent): unknown => seen.push(version);
    emitter.on("prices-changed", listener);
    emitter.on("prices-changed", listener);
    emitter.off("prices-changed", listener);
    emit(emitter, "1");
    emitter.flush();
    expect(seen).toEqual(["1"]);
    emitter.off("prices-changed", listener);
    emitter.off("prices-changed", listener);
    emit(emitter, "2");
    emitter.flush();
    expect(seen).toEqual(["1"]);
  });

  it("of an unknown listener does nothing", () => {
    const emitter = make();
    emitter.on("prices-changed", () => undefined);
    emitter.off("prices-changed", () => undefined);
    emitter.off("usage", () => undefined);
    expect(emitter.wants("prices-changed")).toBe(true);
  });

  it("within a delivery keeps the others", () => {
    const emitter = make();
    const seen: string[] = [];
    const once = ({ version }: PricesChangedEvent): void => {
      seen.push(`once${version}`);
      emitter.off("prices-changed", once);
    };
    emitter.on("prices-changed", once);
    emitter.on("prices-changed", ({ version }) => seen.push(`always${version}`));
    emit(emitter, "1", "2");
    emitter.flush();
    expect(seen).toEqual(["once1", "always1", "always2"]);
  });
});

describe("a listener that misbehaves", () => {
  const error = new Error("listener");
  it.each<[string, () => unknown, boolean]>([
    [
      "throws",
      () => {
        throw error;
      },
      true,
    ],
    ["rejects", () => Promise.reject(error), true],
    [
      "answers a thenable that throws",
      () => ({
        then: () => {
          throw error;
        },
      }),
      true,
    ],
    ["hangs", () => new Promise(() => undefined), false],
    ["answers nonsense", () => ({ then: 7 }), false],
  ])("%s: the others hear the event all the same", async (_, misbehave, reported) => {
    const emitter = make();
    const seen: string[] = [];
    const failures: ListenerFailedEvent[] = [];
    emitter.on("prices-changed", misbehave);
    emitter.on("prices-changed", ({ version }) => seen.push(version));
    emitter.on("listener-failed", (event) => failures.push(event));
    emit(emitter, "1", "2");
    emitter.flush();
    expect(seen).toEqual(["1", "2"]);
    await nextTurn();
    await nextTurn();
    expect(failures).toHaveLength(reported ? 2 : 0);
    if (reported) expect(failures[0]).toMatchObject({ event: "prices-changed", error, atMs: 42 });
  });

  it("is not reported to itself for ever", async () => {
    const emitter = make();
    let calls = 0;
    emitter.on("listener-failed", () => {
      calls += 1;
      throw error;
    });
    emitter.on("prices-changed", () => {
      throw error;
    });
    emit(emitter, "1");
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(calls).toBe(1);
  });

  it("emits again: what it emits waits for the next turn", async () => {
    const emitter = make();
    const seen: string[] = [];
    emitter.on("prices-changed", ({ version }) => {
      seen.push(version);
      if (seen.length < 3) emit(emitter, `${version}+`);
    });
    emit(emitter, "1");
    emitter.flush();
    expect(seen).toEqual(["1"]);
    for (let turn = 0; turn < 4; turn++) await nextTurn();
    expect(seen).toEqual(["1", "1+", "1++"]);
  });
});

describe("the queue", () => {
  it("is bounded: the newest events are dropped, and counted in an event", () => {
    const emitter = make(3);
    const seen: string[] = [];
    const dropped: EventsDroppedEvent[] = [];
    emitter.on("prices-changed", ({ version }) => seen.push(version));
    emitter.on("events-dropped", (event) => dropped.push(event));
    emit(emitter, "1", "2", "3", "4", "5");
    emitter.flush();
    expect(seen).toEqual(["1", "2", "3"]);
    expect(dropped).toMatchObject([{ atMs: 42, count: 2 }]);
  });

  it("counts anew after it has told", () => {
    const emitter = make(1);
    const counts: number[] = [];
    emitter.on("prices-changed", () => undefined);
    emitter.on("events-dropped", ({ count }) => counts.push(count));
    emit(emitter, "1", "2");
    emitter.flush();
    emit(emitter, "3");
    emitter.flush();
    emit(emitter, "4", "5", "6");
    emitter.flush();
    expect(counts).toEqual([1, 2]);
  });

  it("does not build what it drops", () => {
    const emitter = make(1);
    emitter.on("prices-changed", () => undefined);
    emit(emitter, "1");
    emitter.emit("prices-changed", () => {
      throw new Error("built");
    });
    emitter.flush();
    expect(emitter.wants("prices-changed")).toBe(true);
  });

  it("holds 10,000 events unless told otherwise", () => {
    const emitter = make();
    let heard = 0;
    const counts: number[] = [];
    emitter.on("prices-changed", () => (heard += 1));
    emitter.on("events-dropped", ({ count }) => counts.push(count));
    for (let i = 0; i < 10_007; i++) emit(emitter, "x");
    emitter.flush();
    expect([heard, counts]).toEqual([10_000, [7]]);
  });
});

it("emit never throws, even when the event cannot be built", () => {
  const emitter = make();
  emitter.on("prices-changed", () => undefined);
  expect(() =>
    emitter.emit("prices-changed", () => {
      throw new Error("built");
    }),
  ).not.toThrow();
});
