import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { failingStore } from "../../test/support/failing-store.ts";
import { begin, fakeClock, guardKit, planOf } from "../../test/support/guard-kit.ts";
import { createHoldfast } from "../create-holdfast.ts";
import { amounts } from "../ledger/amounts.ts";
import type { Scope } from "../ledger/ledger-store.ts";
import { memoryStore } from "../store/memory/memory-store.ts";
import { fileJournal, unpostedIn, type JournalLine } from "./outage-journal.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-journal-"));
  path = join(folder, "below", "journal.ndjson");
});
afterEach(() => rmSync(folder, { recursive: true }));

const scope: Scope = {
  key: "b!total",
  budgetId: "b",
  values: {},
  window: { kind: "total" },
  limits: { nanoUsd: 100 },
  onExpiry: "charge",
};
const sent = (holdId: string, nanoUsd = 9): JournalLine => ({
  step: "sent",
  holdId,
  scopes: [scope],
  amounts: amounts({ nanoUsd }),
});
const settled = (holdId: string, nanoUsd: number): JournalLine => ({
  step: "settled",
  holdId,
  amounts: amounts({ nanoUsd }),
});
const posted = (holdId: string): JournalLine => ({ step: "posted", holdId });
const textOf = (...lines: readonly JournalLine[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join("");

describe("what a journal says is left to be posted", () => {
  it.each([
    ["nothing was sent", "", []],
    ["sent and no more: what was held", textOf(sent("a")), [["a", 9]]],
    ["settled: what it cost", textOf(sent("a"), settled("a", 4)), [["a", 4]]],
    ["posted: nothing", textOf(sent("a"), settled("a", 4), posted("a")), []],
    [
      "several, in the order in which they were sent",
      textOf(sent("a"), sent("b"), sent("c"), settled("c", 1), posted("a")),
      [
        ["b", 9],
        ["c", 1],
      ],
    ],
    ["a step of a call that is not known", textOf(settled("x", 4), posted("y")), []],
    ["half a line at the end, of a step that never happened", `${textOf(sent("a"))}{"step":"set`, [["a", 9]]],
  ])("%s", (_, text, expected) => {
    expect(unpostedIn(text, "j").map((call) => [call.holdId, call.amounts.nanoUsd])).toEqual(expected);
  });

  it.each([
    "nonsense",
    '{"step":"sent"}',
    '{"step":"sent","holdId":"a","scopes":[],"amounts":{"nanoUsd":-1}}',
    '{"step":"other","holdId":"a","amounts":{}}',
  ])("a line that is none is an error with its number: %s", (line) => {
    expect(() => unpostedIn(`${textOf(sent("a"))}${line}\n`, "j.ndjson")).toThrow(
      "j.ndjson, line 2, is no line",
    );
  });
});

describe("the file", () => {
  it("is read by the process that comes after, and is empty when everything is posted", () => {
    const first = fileJournal(path);
    expect(first.unposted()).toEqual([]);
    for (const line of [sent("a"), sent("b"), settled("b", 3)]) first.append(line);

    const second = fileJournal(path);
    expect(second.unposted()).toEqual([
      { holdId: "a", scopes: [scope], amounts: amounts({ nanoUsd: 9 }) },
      { holdId: "b", scopes: [scope], amounts: amounts({ nanoUsd: 3 }) },
    ]);
    second.append(posted("a"));
    expect(readFileSync(path, "utf8")).not.toBe("");
    second.append(posted("b"));
    expect(readFileSync(path, "utf8")).toBe("");
  });

  it("that could not be written, as on a full disk, is as it was before, and goes on", () => {
    // A process that may write files of 1 KiB, which is in the middle of a line.
    const module = new URL("outage-journal.ts", import.meta.url).href;
    const code = `
      import { fileJournal } from ${JSON.stringify(module)};
      const journal = fileJournal(${JSON.stringify(path)});
      const line = (holdId) => ({ ...${JSON.stringify(sent("x"))}, holdId });
      let written = 0;
      try {
        for (; written < 100; written += 1) journal.append(line("call-" + written));
      } catch (error) {
        journal.append({ step: "posted", holdId: "call-0" });
        console.log(JSON.stringify({ written, code: error.code }));
      }`;
    const node = `${JSON.stringify(process.execPath)} --conditions=holdfast-source --input-type=module-typescript`;
    const output = execFileSync("bash", ["-c", `ulimit -f 1; exec ${node} --eval "$CODE"`], {
      env: { ...process.env, CODE: code },
      encoding: "utf8",
    });
    const { written, code: reason } = JSON.parse(output) as { written: number; code: string };
    expect(reason).toBe("EFBIG");
    expect(written).toBeGreaterThan(1);
    const next = fileJournal(path);
    expect(next.unposted().map(({ holdId }) => holdId)).toEqual(
      Array.from({ length: written - 1 }, (_, n) => `call-${n + 1}`),
    );
    next.append(sent("later"));
    expect(fileJournal(path).unposted().at(-1)?.holdId).toBe("later");
  });

  it("that cannot be used is a configuration error that names the field", () => {
    writeFileSync(join(folder, "file"), "");
    expect(() => createHoldfast({ budgets: [], outageJournal: join(folder, "file", "journal") })).toThrow(
      /outageJournal cannot be used/,
    );
  });
});

describe("a process that ends in an outage", () => {
  it("leaves what it let through to the next one, which posts it once", async () => {
    const clock = fakeClock();
    const base = memoryStore({ clock });
    const budgets = [
      { id: "b", limit: { usd: "1" }, window: "total" as const, onStoreFailure: "open" as const },
    ];
    const store = failingStore(base);
    store.trouble = "refuses";
    const dying = guardKit({ store, budgets, clock, journal: fileJournal(path), idPrefix: "dying" });
    const done = await begin(dying.guard.startCall(planOf()));
    done.end({
      class: "complete",
      status: 200,
      providerRequestId: null,
      served: { model: "m", serviceTier: "default" },
      usage: { inputTextTokens: 80, outputTextTokens: 20 },
    });
    await begin(dying.guard.startCall(planOf()));
    expect((await base.balances({})).balances).toEqual([]);

    for (const idPrefix of ["next", "the one after"]) {
      const next = guardKit({ store: base, budgets, clock, journal: fileJournal(path), idPrefix });
      await next.guard.link.settled();
      const [state] = (await base.balances({})).balances;
      // 120,000 of the call that ended, and all 200,000 held for the one that did not.
      expect(state?.spent).toMatchObject({ nanoUsd: 320_000, calls: 2 });
    }
    expect(readFileSync(path, "utf8")).toBe("");
  });

  it("leaves what it used of its allowance to the next one as well", async () => {
    const clock = fakeClock();
    const store = failingStore(memoryStore({ clock }));
    store.trouble = "refuses";
    const onStoreFailure = { local: { usd: "0.0005" } };
    const budgets = [{ id: "b", limit: { usd: "1" }, window: "total" as const, onStoreFailure }];
    let sentCalls = 0;
    for (const idPrefix of ["first", "second", "third", "fourth"]) {
      const given = guardKit({ store, budgets, clock, journal: fileJournal(path), idPrefix });
      const attempts = await Promise.allSettled(
        Array.from({ length: 3 }, () => begin(given.guard.startCall(planOf()))),
      );
      sentCalls += attempts.filter(({ status }) => status === "fulfilled").length;
    }
    // 500,000 allow two calls of 200,000, in all processes together.
    expect(sentCalls).toBe(2);
  });

  it("sends nothing that it cannot write down", async () => {
    const journal = fileJournal(path);
    const budgets = [
      { id: "b", limit: { usd: "1" }, window: "total" as const, onStoreFailure: "open" as const },
    ];
    const store = failingStore(memoryStore());
    store.trouble = "refuses";
    const full = {
      ...journal,
      append: () => {
        throw Object.assign(new Error("/secret/path: disk full"), { code: "ENOSPC" });
      },
    };
    const given = guardKit({ store, budgets, journal: full });
    await expect(begin(given.guard.startCall(planOf()))).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("outage journal") as string,
      cause: { message: "ENOSPC" },
    });
  });

  it("does not lose the rest when it dies while it writes", () => {
    const journal = fileJournal(path);
    journal.append(sent("a"));
    appendFileSync(path, '{"step":"sent","holdId":"b","sco');
    const next = fileJournal(path);
    expect(next.unposted().map(({ holdId }) => holdId)).toEqual(["a"]);
    next.append(sent("c"));
    const last = fileJournal(path);
    expect(last.unposted().map(({ holdId }) => holdId)).toEqual(["a", "c"]);
  });
});
