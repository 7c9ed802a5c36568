import { describe, expect, it } from "vitest";
import { SharedEnd, type BodyEnd } from "./body-observer.ts";

describe("SharedEnd", () => {
  it.each<[string, readonly (readonly [branch: number, how: BodyEnd])[], readonly BodyEnd[]]>([
    [
      "all give up",
      [
        [0, "cancelled"],
        [1, "cancelled"],
      ],
      ["cancelled"],
    ],
    ["one gives up", [[0, "cancelled"]], []],
    [
      "one gives up, one is done",
      [
        [0, "cancelled"],
        [1, "done"],
      ],
      ["done"],
    ],
    ["one is done", [[0, "done"]], ["done"]],
    [
      "one fails, one gives up",
      [
        [0, "failed"],
        [1, "cancelled"],
      ],
      ["cancelled"],
    ],
    [
      "one reports twice",
      [
        [0, "cancelled"],
        [0, "cancelled"],
      ],
      [],
    ],
  ])("%s", (_, reports, expected) => {
    const ends: BodyEnd[] = [];
    const shared = new SharedEnd((how) => ends.push(how));
    const branches = [shared.branch(), shared.branch()];
    for (const [branch, how] of reports) branches[branch]?.(how);
    expect(ends).toEqual(expected);
  });
});
