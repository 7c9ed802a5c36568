import { describe, expect, it } from "vitest";
import { SharedEnd, type BodyEnd } from "./body-observer.ts";

describe("SharedEnd", () => {
  // Of what it reports the first counts.
  it.each<[string, readonly (readonly [branch: number, how: BodyEnd])[], BodyEnd | undefined]>([
    ["nobody has ended", [], undefined],
    [
      "all give up",
      [
        [0, "cancelled"],
        [1, "cancelled"],
      ],
      "cancelled",
    ],
    ["one gives up", [[0, "cancelled"]], undefined],
    [
      "one gives up, one is done",
      [
        [0, "cancelled"],
        [1, "done"],
      ],
      "done",
    ],
    ["one is done", [[0, "done"]], "done"],
    [
      "one is done, one gives up",
      [
        [0, "done"],
        [1, "cancelled"],
      ],
      "done",
    ],
    [
      "all fail",
      [
        [0, "failed"],
        [1, "failed"],
      ],
      "failed",
    ],
    [
      "one gives up twice",
      [
        [0, "cancelled"],
        [0, "cancelled"],
      ],
      undefined,
    ],
  ])("%s", (_, reports, expected) => {
    const ends: BodyEnd[] = [];
    const shared = new SharedEnd((how) => ends.push(how));
    const branches = [shared.branch(), shared.branch()];
    for (const [branch, how] of reports) branches[branch]?.(how);
    expect(ends[0]).toBe(expected);
  });
});
