/** Whose clock counts, and that it never goes back. */
import { createFakeClock } from "@holdfast/testkit";
import { windowAt } from "holdfast";
import { redisStore } from "holdfast/redis";
import { Redis } from "ioredis";
import { afterAll, afterEach, expect, inject, it, vi } from "vitest";
import { freshPrefix, reservation, totalScope } from "./redis-rig.ts";

const DAY = { kind: "calendar", unit: "day", timeZone: "UTC" } as const;
const DAY_MS = 86_400_000;
const client = new Redis(inject("redisUrl"));

afterEach(() => vi.restoreAllMocks());
afterAll(() => client.disconnect());

it("a server that takes over with a clock that is behind does not bring back the window before", async () => {
  const prefix = freshPrefix();
  const ahead = createFakeClock(new Date("2026-03-29T00:00:10Z"));
  const behind = createFakeClock(new Date("2026-03-28T23:59:00Z"));
  const one = redisStore(client, { prefix, serverClock: ahead });
  const two = redisStore(client, { prefix, serverClock: behind });
  const scope = totalScope("a", { nanoUsd: 100 }, { window: DAY });
  expect(await one.reserve(reservation("r", [scope], { nanoUsd: 60 }, 30_000))).toMatchObject({
    outcome: "held",
    windows: [{ id: "2026-03-29" }],
  });
  const denied = await two.reserve(reservation("s", [scope], { nanoUsd: 60 }));
  expect(denied).toMatchObject({ outcome: "denied", limiting: { window: { id: "2026-03-29" } } });
  expect(denied).toMatchObject({ deniedAtMs: ahead.now() });
  expect((await two.expire({ limit: 10 })).expired).toEqual([]);
  behind.advance(61_000 + 29_000);
  expect((await two.expire({ limit: 10 })).expired).toEqual([]);
  behind.advance(10_000);
  expect((await two.expire({ limit: 10 })).expired).toMatchObject([{ holdId: "r" }]);
  await one.close();
  await two.close();
});

it.each([-400, -1, 1, 400])(
  "a process whose clock is %i days off counts in the same window",
  async (days) => {
    const prefix = freshPrefix();
    const scope = totalScope("a", { nanoUsd: 100 }, { window: DAY });
    const right = redisStore(client, { prefix });
    const first = await right.reserve(reservation("r", [scope], { nanoUsd: 60 }));
    const today = windowAt(DAY, Date.now());
    expect(first).toMatchObject({ outcome: "held", windows: [today] });
    const now = Date.now.bind(Date);
    vi.spyOn(Date, "now").mockImplementation(() => now() + days * DAY_MS);
    const wrong = redisStore(client, { prefix });
    expect(await wrong.reserve(reservation("s", [scope], { nanoUsd: 60 }))).toMatchObject({
      outcome: "denied",
      limiting: { window: today },
    });
    expect(await wrong.adjust({ operationId: "j", scope, delta: { nanoUsd: 1 } })).toMatchObject({
      outcome: "adjusted",
      state: { window: today, held: { nanoUsd: 60 } },
    });
    expect((await wrong.balances({})).balances).toMatchObject([{ window: today, spent: { nanoUsd: 1 } }]);
    await wrong.close();
    await right.close();
  },
);
