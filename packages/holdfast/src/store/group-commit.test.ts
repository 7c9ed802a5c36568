import { describe, expect, it, vi } from "vitest";
import { GroupCommit } from "./group-commit.ts";

/** Trips that a test ends by hand. */
function trips(options: { maxBatch?: number; maxInFlight?: number } = {}) {
  const departed: {
    readonly operations: readonly number[];
    readonly arrive: (answers?: readonly string[]) => void;
    readonly fail: (cause: unknown) => void;
  }[] = [];
  const group = new GroupCommit<number, string>({
    maxBatch: options.maxBatch ?? 100,
    maxInFlight: options.maxInFlight ?? 1,
    commit: (operations) =>
      new Promise((resolve, reject) => {
        departed.push({
          operations,
          arrive: (answers = operations.map((n) => `answer ${n}`)) => resolve(answers),
          fail: reject,
        });
      }),
  });
  return { group, departed };
}

describe("operations that wait share one trip", () => {
  it("the first leaves at once and alone; those that come meanwhile leave together, in order", async () => {
    const { group, departed } = trips();
    const answers = Promise.all([1, 2, 3, 4].map((n) => group.submit(n)));
    expect(departed.map(({ operations }) => operations)).toEqual([[1]]);
    departed[0]!.arrive();
    await Promise.resolve().then(() => undefined);
    await new Promise(setImmediate);
    expect(departed.map(({ operations }) => operations)).toEqual([[1], [2, 3, 4]]);
    departed[1]!.arrive();
    expect(await answers).toEqual(["answer 1", "answer 2", "answer 3", "answer 4"]);
  });

  it("as many trips as allowed are under way, and none is larger than allowed", async () => {
    const { group, departed } = trips({ maxInFlight: 2, maxBatch: 3 });
    const answers = Promise.all([1, 2, 3, 4, 5, 6, 7].map((n) => group.submit(n)));
    expect(departed.map(({ operations }) => operations)).toEqual([[1], [2]]);
    departed[1]!.arrive();
    await new Promise(setImmediate);
    expect(departed.map(({ operations }) => operations)).toEqual([[1], [2], [3, 4, 5]]);
    departed[0]!.arrive();
    await new Promise(setImmediate);
    expect(departed[3]!.operations).toEqual([6, 7]);
    departed[2]!.arrive();
    departed[3]!.arrive();
    expect(await answers).toHaveLength(7);
  });

  it("a trip that fails fails those on board, and the next one leaves", async () => {
    const { group, departed } = trips();
    const first = group.submit(1);
    const second = group.submit(2);
    departed[0]!.fail(new Error("lost"));
    await expect(first).rejects.toThrow("lost");
    departed[1]!.arrive();
    expect(await second).toBe("answer 2");
  });

  it("answers that do not match the operations are an error, not somebody else's answer", async () => {
    const { group, departed } = trips();
    const first = group.submit(1);
    departed[0]!.arrive(["a", "b"]);
    await expect(first).rejects.toThrow("1 operations were sent and 2 answers came back");
  });

  it("a trip that never comes back does not keep the others from leaving, and is still waited for", async () => {
    vi.useFakeTimers();
    try {
      const { group, departed } = trips();
      const first = group.submit(1);
      const second = group.submit(2);
      await vi.advanceTimersByTimeAsync(4_999);
      expect(departed).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(1);
      expect(departed.map(({ operations }) => operations)).toEqual([[1], [2]]);
      departed[0]!.arrive();
      departed[1]!.arrive();
      expect(await Promise.all([first, second])).toEqual(["answer 1", "answer 2"]);
      await vi.advanceTimersByTimeAsync(10_000);
      const third = group.submit(3);
      void group.submit(4);
      // One at a time, as before.
      expect(departed.map(({ operations }) => operations)).toEqual([[1], [2], [3]]);
      departed[2]!.arrive();
      expect(await third).toBe("answer 3");
      expect(vi.getTimerCount()).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it("a commit that throws at once is an answer as well", async () => {
    const group = new GroupCommit<number, string>({
      maxBatch: 1,
      maxInFlight: 1,
      commit: () => {
        throw new Error("no connection");
      },
    });
    await expect(group.submit(1)).rejects.toThrow("no connection");
    await expect(group.submit(2)).rejects.toThrow("no connection");
  });
});
