import { setTimeout as wait } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { OperationInvalidError } from "../error/operation-invalid-error.ts";
import { recordUsage, type DroppedUsage, type UsageEmitter } from "./record-usage.ts";
import type { UsageRecord } from "./usage-record.ts";

/** An emitter that calls its listener at once, and a ledger that does what the test says. */
function rig(append: (ids: readonly string[]) => void | Promise<void> = () => undefined) {
  let listener: ((record: UsageRecord) => unknown) | undefined;
  let next = 0;
  const emitter: UsageEmitter = {
    on: (_, one) => (listener = one),
    off: (_, one) => (listener === one ? (listener = undefined) : undefined),
  };
  const appends: string[][] = [];
  const ledger = {
    append(records: readonly UsageRecord[]) {
      const ids = records.map(({ id }) => id);
      appends.push(ids);
      return append(ids);
    },
  };
  const emit = (count = 1): void => {
    for (let i = 0; i < count; i++) listener?.({ id: `r${next++}` } as UsageRecord);
  };
  return { emitter, ledger, emit, appends };
}

afterEach(() => void vi.useRealTimers());

describe("recordUsage", () => {
  it("appends in batches, later, in order", async () => {
    const { emitter, ledger, emit, appends } = rig();
    const recording = recordUsage(emitter, ledger, { batchSize: 2, delayMs: 5 });
    emit(5);
    expect(appends).toEqual([]);
    expect(recording.queued).toBe(5);
    await wait(60);
    expect(appends).toEqual([["r0", "r1"], ["r2", "r3"], ["r4"]]);
    expect(recording).toMatchObject({ queued: 0, dropped: 0 });
    emit();
    await recording.close();
    expect(appends.at(-1)).toEqual(["r5"]);
  });

  it("tries again until the ledger takes them, and counts nothing twice", async () => {
    vi.useFakeTimers();
    let failures = 5;
    const { emitter, ledger, emit, appends } = rig(() => {
      if (failures-- > 0) throw new Error("database is locked");
    });
    const recording = recordUsage(emitter, ledger, { batchSize: 3 });
    emit(4);
    await vi.advanceTimersByTimeAsync(100 + 100 + 200 + 400 + 800 - 1);
    expect(appends).toHaveLength(4);
    await vi.advanceTimersByTimeAsync(1 + 1_600);
    expect(appends.slice(5)).toEqual([["r0", "r1", "r2"], ["r3"]]);
    expect(recording).toMatchObject({ queued: 0, dropped: 0 });
    await recording.close();
  });

  it("drops what is above the queue's limit, and reports how many", async () => {
    let release: (() => void) | undefined;
    const { emitter, ledger, emit, appends } = rig(() => new Promise<void>((resolve) => (release = resolve)));
    const dropped: DroppedUsage[] = [];
    const recording = recordUsage(emitter, ledger, {
      batchSize: 2,
      delayMs: 1,
      queueLimit: 4,
      onDropped: (one) => dropped.push(one),
    });
    emit(3);
    await wait(20);
    // Two of them are being appended and still count.
    expect(recording.queued).toBe(3);
    emit(10);
    expect(recording.queued).toBe(4);
    release!();
    await wait(5);
    expect(dropped).toEqual([{ count: 9, reason: "queue-full" }]);
    release!();
    await recording.flush();
    expect(appends.flat()).toEqual(["r0", "r1", "r2", "r3"]);
    expect(recording.dropped).toBe(9);
    await recording.close();
  });

  it("gives up after its retries, reports it, and goes on with the next", async () => {
    vi.useFakeTimers();
    const failure = new Error("down");
    const { emitter, ledger, emit, appends } = rig((ids) => {
      if (ids.includes("r0")) throw failure;
    });
    const dropped: DroppedUsage[] = [];
    const recording = recordUsage(emitter, ledger, {
      batchSize: 1,
      retries: 2,
      onDropped: (one) => {
        dropped.push(one);
        throw new Error("the listener's own");
      },
    });
    emit(2);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(appends).toEqual([["r0"], ["r0"], ["r0"], ["r1"]]);
    expect(dropped).toEqual([{ count: 1, reason: "append-failed", error: failure }]);
    await recording.close();
  });

  it("does not let one record that cannot be counted take the others with it", async () => {
    const { emitter, ledger, emit, appends } = rig((ids) => {
      if (ids.includes("r1")) throw new OperationInvalidError("no count");
    });
    const dropped: DroppedUsage[] = [];
    const recording = recordUsage(emitter, ledger, { onDropped: (one) => dropped.push(one) });
    emit(3);
    await recording.flush();
    expect(appends).toEqual([["r0", "r1", "r2"], ["r0"], ["r1"], ["r2"]]);
    expect(dropped).toMatchObject([{ count: 1, reason: "append-failed" }]);
    await recording.close();
  });

  it("closes in the middle of a wait: one last try, then it says what is lost", async () => {
    for (const recovers of [true, false]) {
      let isUp = false;
      const { emitter, ledger, emit, appends } = rig(async () => {
        if (!isUp) throw new Error("down");
      });
      const dropped: DroppedUsage[] = [];
      const recording = recordUsage(emitter, ledger, {
        delayMs: 1,
        batchSize: 2,
        onDropped: (one) => dropped.push(one),
      });
      emit(3);
      await wait(20);
      expect(appends).toHaveLength(1);
      isUp = recovers;
      await recording.close();
      expect(appends).toEqual([["r0", "r1"], ["r0", "r1"], ["r2"]]);
      expect(recording.dropped).toBe(recovers ? 0 : 3);
      expect(dropped.map(({ count }) => count)).toEqual(recovers ? [] : [2, 1]);
      emit();
      expect(recording.queued).toBe(0);
    }
  });

  it("does not wait for a ledger that hangs longer than it was told to", async () => {
    const { emitter, ledger, emit } = rig(() => new Promise<void>(() => undefined));
    const dropped: DroppedUsage[] = [];
    const recording = recordUsage(emitter, ledger, {
      closeTimeoutMs: 30,
      onDropped: (one) => dropped.push(one),
    });
    emit(2);
    await Promise.all([recording.close(), recording.close()]);
    expect(dropped).toEqual([{ count: 2, reason: "append-failed" }]);
    await recording.flush();
  });

  it("never throws into the emitter, and refuses options that make no sense", () => {
    const { emitter, ledger, emit } = rig(() => {
      throw new Error("down");
    });
    const recording = recordUsage(emitter, ledger, { queueLimit: 1, retries: 1 });
    expect(() => emit(100)).not.toThrow();
    void recording.close();
    for (const bad of [{ batchSize: 0 }, { delayMs: -1 }, { queueLimit: NaN }, { retries: 1.5 }]) {
      expect(() => recordUsage(emitter, ledger, bad)).toThrow(OperationInvalidError);
    }
  });
});
